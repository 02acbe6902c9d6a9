// `pilotlight top`: services, pods and queue of a running gateway, live in a terminal or once as a table.
#pragma once

#include <iosfwd>
#include <span>
#include <string>

namespace cli {

// The words after "top". Returns the exit status: 0 done, 1 failed, 2 wrong usage.
int top(std::span<const std::string> args, std::ostream& out, std::ostream& err);

}  // namespace cli
