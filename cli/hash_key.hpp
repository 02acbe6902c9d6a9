#pragma once

#include <iosfwd>
#include <span>
#include <string>

namespace cli {

// pilotlight hash-key: makes a key, or hashes what stands on the first line of standard input.
int hash_key(std::span<const std::string> args, std::istream& in, std::ostream& out, std::ostream& err);

}  // namespace cli
