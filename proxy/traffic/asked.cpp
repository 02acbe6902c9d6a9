#include "proxy/traffic/asked.hpp"

namespace proxy {

router::Asked asked_by(const RequestHead& head) {
    constexpr std::string_view bearer = "Bearer ";
    const auto authorization = head.first("Authorization").substr(0, bearer.size());
    return {head.method(),        head.path(),      head.query(),
            head.first("Accept"), head.websocket(), same_name(authorization, bearer)};
}

}  // namespace proxy
