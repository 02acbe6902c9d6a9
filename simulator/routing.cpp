#include "simulator/routing.hpp"

namespace simulator {

Matched match(std::span<const Route> routes, http::verb method, std::string_view path) {
    Matched found;
    for (const Route& route : routes) {
        const bool prefix = route.path.ends_with('*');
        const auto fixed = route.path.substr(0, route.path.size() - (prefix ? 1 : 0));
        if (prefix ? !path.starts_with(fixed) : path != fixed) continue;
        if (route.method == method) return {&route, {}};
        if (!found.allowed.empty()) found.allowed += ", ";
        const auto name = http::to_string(route.method);
        found.allowed.append(name.data(), name.size());
    }
    return found;
}

Reply unrouted(std::span<const Route> routes, const Matched& matched, const Call& call) {
    if (!matched.allowed.empty()) {
        Reply reply = Reply::detail(http::status::method_not_allowed, "Method Not Allowed");
        reply.headers.emplace_back("Allow", matched.allowed);
        return reply;
    }
    if (call.path.size() > 1 && call.path.ends_with('/')) {
        const std::string_view bare = call.path.substr(0, call.path.size() - 1);
        if (match(routes, call.method, bare).route) {
            Reply reply;
            reply.status = http::status::temporary_redirect;
            std::string location = "http://" + std::string(call.host) + std::string(bare);
            if (!call.query.empty()) location += "?" + std::string(call.query);
            reply.headers.emplace_back("Location", std::move(location));
            return reply;
        }
    }
    return Reply::detail(http::status::not_found, "Not Found");
}

}  // namespace simulator
