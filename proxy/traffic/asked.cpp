#include "proxy/traffic/asked.hpp"

#include <algorithm>

namespace proxy {

bool asks_for_websocket(const RequestHead& head) {
    return head.method() == "GET" && head.minor_version() >= 1 && head.has_connection_option("upgrade") &&
           same_name(head.first("Upgrade"), "websocket");
}

router::Asked asked_by(const RequestHead& head) {
    constexpr std::string_view bearer = "Bearer ";
    const auto authorization = head.first("Authorization").substr(0, bearer.size());
    const auto query = std::min(head.path().size() + 1, head.target().size());
    return {head.method(),
            head.path(),
            head.target().substr(query),
            head.first("Accept"),
            asks_for_websocket(head),
            same_name(authorization, bearer)};
}

}  // namespace proxy
