// `pilotlight check`: reads manifests as `serve` would, says what is wrong with them and what they would do.
#pragma once

#include <span>
#include <string>

namespace cli {

// The arguments after "check". Problems go to stderr, what would be served to stdout.
// 0: the manifests are right; 1: they are not; 2: wrong usage.
int check(std::span<const std::string> args);

}  // namespace cli
