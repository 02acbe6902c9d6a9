#include "manifest/crosscheck.hpp"

#include <algorithm>
#include <map>

#include "manifest/hosts.hpp"

namespace manifest {

namespace {

using ByName = std::map<std::string, const PlacedService*>;

std::string full_name(const Service& service) {
    return service.name_space + "/" + service.name;
}

ByName index(const Everything& all, Problems& problems) {
    ByName services;
    for (const auto& service : all.services) {
        if (service.value.name.empty()) continue;
        const auto [first, fresh] = services.emplace(full_name(service.value), &service);
        if (!fresh)
            problems.error(service.place, "Service " + quote(first->first) +
                                              " is there twice; the first is at " +
                                              to_string(first->second->place));
    }
    return services;
}

std::string unknown_service(const std::string& name, const ByName& services) {
    const auto in_namespace = [&](std::string_view full) {
        return full.substr(0, full.find('/')) == name.substr(0, name.find('/'));
    };
    std::vector<std::string_view> names;
    for (const auto& [known, service] : services)
        if (in_namespace(known)) names.push_back(service->value.name);
    return "there is no Service " + quote(name) +
           did_you_mean(std::string_view(name).substr(name.find('/') + 1), names);
}

void check_targets(const Everything& all, const ByName& services, Problems& problems) {
    const auto& gateway = all.gateway;
    if (const auto& name = gateway.value.default_service; name && !services.contains(*name))
        problems.error(gateway.default_service, "spec.defaultService: " + unknown_service(*name, services));
    for (const auto& [name, place] : gateway.static_services)
        if (name != "*" && !services.contains(name))
            problems.warning(place, "spec.driver.static.pods: " + unknown_service(name, services));
    for (const auto& mapping : all.domain_mappings) {
        const auto name = mapping.value.name_space + "/" + mapping.value.service;
        if (!mapping.value.service.empty() && !services.contains(name))
            problems.error(mapping.place, "spec.ref.name: " + unknown_service(name, services));
    }
}

// A service that should be closed and is not would be open to all: that is no warning.
void check_access(const Everything& all, Problems& problems) {
    std::vector<std::string_view> names;
    for (const auto& list : all.gateway.value.access) names.push_back(list.name);
    for (const auto& service : all.services) {
        const auto& name = service.value.access;
        if (name.empty() || std::ranges::find(names, name) != names.end()) continue;
        problems.error(service.place, "pilotlight.dev/access: there is no list " + quote(name) +
                                          " in the Gateway's spec.access" + did_you_mean(name, names));
    }
}

void check_hosts(const Everything& all, Problems& problems) {
    struct Owner {
        std::string what;
        Place place;
    };
    std::map<std::string, Owner> hosts;
    const auto claim = [&](const std::string& host, const std::string& what, const Place& place) {
        const auto [first, fresh] = hosts.emplace(host, Owner{what, place});
        // The same Service twice is said already.
        if (!fresh && first->second.what != what)
            problems.error(place, "the host " + quote(host) + " of " + what + " is also that of " +
                                      first->second.what + " at " + to_string(first->second.place));
    };
    for (const auto& service : all.services) {
        if (service.value.name.empty()) continue;
        const auto name = "Service " + quote(full_name(service.value));
        for (const auto& host : hosts_of(service.value, {}, all.gateway.value))
            claim(host, name, service.place);
        for (std::size_t i = 0; i < service.value.traffic.size(); ++i)
            if (const auto& tag = service.value.traffic[i].tag; !tag.empty()) {
                if (tag.size() + 1 + service.value.name.size() > 63)
                    problems.error(service.traffic[i],
                                   "spec.traffic[" + std::to_string(i) +
                                       "].tag: " + quote(tag + "-" + service.value.name) +
                                       " is longer than the 63 characters of a host's label");
                for (const auto& host : hosts_of(service.value, tag, all.gateway.value))
                    claim(host, "tag " + quote(tag) + " of " + name, service.traffic[i]);
            }
    }
    std::size_t number = 0;
    for (const auto& mapping : all.domain_mappings)
        if (!mapping.value.host.empty())
            claim(mapping.value.host,
                  "DomainMapping " + std::to_string(++number) + " (" + mapping.value.host + ")",
                  mapping.place);
}

bool covers(const pods::ImageRule& rule, std::string_view image) {
    const std::string_view pattern = rule.image;
    return pattern.ends_with('*') ? image.starts_with(pattern.substr(0, pattern.size() - 1))
                                  : image == pattern;
}

// What the process driver could never start.
void check_runnable(const Everything& all, Problems& problems) {
    const auto* process = std::get_if<pods::ProcessSettings>(&all.gateway.value.driver);
    if (!process) return;
    for (const auto& service : all.services) {
        const auto& container = service.value.container;
        if (container.image.empty()) continue;
        const auto runs_it = [&](const pods::ImageRule& rule) {
            return covers(rule, container.image) && !rule.command.empty();
        };
        if (container.command.empty() && std::ranges::none_of(process->images, runs_it))
            problems.error(service.image,
                           "nothing says how the image " + quote(container.image) +
                               " runs here: give the container a command, or the Gateway an entry "
                               "under spec.driver.process.images");
        const auto gpus = static_cast<int>(process->gpus.size());
        if (gpus > 0 && container.gpus > gpus)
            problems.error(service.image, "the container wants " + std::to_string(container.gpus) +
                                              " GPUs, the Gateway has " + std::to_string(gpus) +
                                              " (spec.driver.process.gpus)");
    }
}

}  // namespace

void check_together(const Everything& all, Problems& problems) {
    const auto services = index(all, problems);
    check_targets(all, services, problems);
    check_access(all, problems);
    check_hosts(all, problems);
    check_runnable(all, problems);
}

}  // namespace manifest
