// `pilotlight scale`: so many pods, whatever the autoscaler wants; or what it wants again.
#pragma once

#include <iosfwd>
#include <span>
#include <string>

namespace cli {

// The words after "scale". Returns the exit status: 0 done, 1 failed, 2 wrong usage.
int scale(std::span<const std::string> args, std::ostream& out, std::ostream& err);

}  // namespace cli
