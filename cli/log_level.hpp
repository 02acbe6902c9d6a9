// pilotlight log-level: how much the log of a running gateway says.
#pragma once

#include <iosfwd>
#include <span>
#include <string>

namespace cli {

// Returns the exit code.
int log_level(std::span<const std::string> args, std::ostream& out, std::ostream& err);

}  // namespace cli
