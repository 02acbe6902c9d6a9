// What a request says about who sends it: Authorization (RFC 7617 Basic, RFC 6750 section 2.1 Bearer) or
// X-API-Key. Nothing in URLs: they end up in logs. Pure.
#pragma once

#include <optional>
#include <string>

#include "proxy/traffic/head.hpp"

namespace proxy {

struct Claim {
    std::string user;  // Basic's; empty: the secret alone says who it is
    std::string secret;
};

// Empty: none, or said twice, or not well formed.
std::optional<Claim> claim_of(const RequestHead&);

std::optional<std::string> from_base64(std::string_view);

}  // namespace proxy
