// `pilotlight serve`: reads the manifests and runs a Gateway with them.
#pragma once

#include <span>
#include <string>

namespace cli {

// The arguments after "serve". Returns when the gateway has shut down. 0 ok, 1 failed, 2 wrong usage.
int serve(std::span<const std::string> args);

}  // namespace cli
