// One line of rules, read. Pure.
#pragma once

#include <string>
#include <string_view>

#include "router/rules.hpp"

namespace router {

namespace methods {
inline constexpr unsigned get = 1, head = 2, post = 4, put = 8, patch = 16, del = 32, options = 64,
                          websocket = 128, other = 256, any = 511;
}

// What a request must say besides its method and path.
namespace condition {
inline constexpr unsigned html = 1, sse = 2, bearer = 4;
}

// The bit of a method as it is sent: methods have a case (RFC 9110 section 9.1).
unsigned method_bit(std::string_view method);

struct ReadRule {
    Rule rule;
    std::string wrong;  // and what to write instead; empty: nothing
};
ReadRule read_rule(std::string_view line);

}  // namespace router
