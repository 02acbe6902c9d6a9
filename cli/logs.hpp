// `pilotlight logs`: what a pod of a running gateway has written, and writes.
#pragma once

#include <iosfwd>
#include <span>
#include <string>

namespace cli {

// The words after "logs". Returns the exit status: 0 done, 1 failed, 2 wrong usage.
int logs(std::span<const std::string> args, std::ostream& out, std::ostream& err);

}  // namespace cli
