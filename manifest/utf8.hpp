// The text of a manifest must be UTF-8 without control characters: yaml-cpp takes some of them for the end of
// the file, and nothing that we print later may carry a terminal's escape codes.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace manifest {

struct BadText {
    int line = 1;
    int column = 1;
    std::string what;
};

// The first octet that does not belong, if any (RFC 3629; YAML 1.2 section 5.1).
std::optional<BadText> first_bad_text(std::string_view text);

}  // namespace manifest
