// Which route a request means, and what it hears when there is none. Pure.
#pragma once

#include "simulator/call.hpp"

namespace simulator {

struct Matched {
    const Route* route = nullptr;
    std::string allowed;  // methods that the path has, when the request's is not among them
};

Matched match(std::span<const Route> routes, http::verb method, std::string_view path);

// As starlette answers what it does not know: 405, 307 for a slash too many, 404.
Reply unrouted(std::span<const Route> routes, const Matched& matched, const Call& call);

}  // namespace simulator
