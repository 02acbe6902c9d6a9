// A moment as people write it on a command line.
#pragma once

#include <optional>
#include <string_view>

#include "autoscaler/warm_hours.hpp"

namespace cli {

// RFC 3339 section 5.6, whole seconds: "2026-01-05T00:00:00Z", "2026-01-05T08:30:00+02:00". The local clock
// is the one that the text is written in. Empty: it is no such moment.
std::optional<autoscaler::LocalTime> parse_moment(std::string_view text);

}  // namespace cli
