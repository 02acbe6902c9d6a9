// `pilotlight get`: what a running gateway has, in the columns of kubectl.
#pragma once

#include <iosfwd>
#include <span>
#include <string>

namespace cli {

// The words after "get". Returns the exit status: 0 done, 1 failed, 2 wrong usage.
int get(std::span<const std::string> args);

// The same with other streams than the standard ones.
int get(std::span<const std::string> args, std::ostream& out, std::ostream& err);

}  // namespace cli
