// The host names under which a service is reached: Knative's domain and tag templates
// (config-network: {{.Name}}.{{.Namespace}}.{{.Domain}}, {{.Tag}}-{{.Name}}).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "manifest/configuration.hpp"

namespace manifest {

// One for each domain of the gateway, in its order. Without a tag: the service itself.
inline std::vector<std::string> hosts_of(const Service& service, std::string_view tag,
                                         const Gateway& gateway) {
    const auto label = tag.empty() ? service.name : std::string(tag) + "-" + service.name;
    std::vector<std::string> hosts;
    for (const auto& domain : gateway.domains)
        hosts.push_back(label + "." + service.name_space + "." + domain);
    return hosts;
}

}  // namespace manifest
