// `pilotlight explain`: which service a request goes to, which class it has, and the rule that decided.
#pragma once

#include <ostream>
#include <span>
#include <string>

namespace cli {

// The arguments after "explain". The answer goes to `out`, problems to `err`.
// 0: it is answered; 1: the manifests are wrong, or no service has the host; 2: wrong usage.
int explain(std::span<const std::string> args, std::ostream& out, std::ostream& err);

}  // namespace cli
