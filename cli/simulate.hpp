// `pilotlight simulate`: what a trace of requests costs and how long they wait, under settings of one's
// choice.
#pragma once

#include <span>
#include <string>

namespace cli {

// Exit code: 0 ok, 1 a file cannot be read or written, 2 wrong usage.
int simulate(std::span<const std::string> args);

}  // namespace cli
