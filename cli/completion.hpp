// `pilotlight completion SHELL`: what a shell needs; and `pilotlight __complete`, which it then calls.
#pragma once

#include <iosfwd>
#include <span>
#include <string>

namespace cli {

// The words after the command, which is one of the two. Returns the exit status.
int completion(const std::string& command, std::span<const std::string> args, std::ostream& out,
               std::ostream& err);

}  // namespace cli
