// What Kubernetes lets things be called, and how addresses are written. Each function answers with the reason
// why a text is not one, in Kubernetes' words where it has some; an empty answer means that it is one.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "pods/pod.hpp"

namespace manifest {

// apimachinery pkg/util/validation/validation.go: IsDNS1123Label, IsDNS1035Label, IsDNS1123Subdomain,
// IsEnvVarName.
std::string not_dns1123_label(std::string_view text);
std::string not_dns1035_label(std::string_view text);
std::string not_dns1123_subdomain(std::string_view text);
std::string not_env_name(std::string_view text);

// RFC 9110 section 5.6.2: what a cookie's or a header's name is made of.
bool is_token(std::string_view text);

// An IPv4 or IPv6 address, without brackets.
bool is_ip(std::string_view text);

// "10.0.0.0/8", "::1/128", or one address.
bool is_network(std::string_view text);

// Whether requests may be sent there at all: one machine's address that is not link-local.
bool may_be_a_pods(const pods::Address&);

// "127.0.0.1:7860", "[::1]:7860". Never a name: nothing is resolved on the request path.
std::optional<pods::Address> parse_address(std::string_view text);

}  // namespace manifest
