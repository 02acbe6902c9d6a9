// Hours of the week in which a revision keeps some pods whatever comes: "Mon-Fri 08:00-18:00 2". They raise
// the minimum, for either class. Pure: the wall clock and how far it stands from UTC come in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace autoscaler {

struct Settings;

// A moment of the wall clock where the gateway stands.
struct LocalTime {
    std::int64_t utc = 0;         // seconds since 1970
    std::int64_t utc_offset = 0;  // seconds that the local clock is ahead, daylight saving included

    friend bool operator==(const LocalTime&, const LocalTime&) = default;
};

struct WarmWindow {
    unsigned days = 0;                         // those on which it begins; bit 0 is Monday
    int from = 0, to = 0;                      // minutes of the day; to <= from: it ends on the day after
    int pods = 0;                              // at least
    std::optional<std::int64_t> utc_offset{};  // seconds; empty: the gateway's local time
    std::string name{};                        // as it was written, without the pods

    friend bool operator==(const WarmWindow&, const WarmWindow&) = default;
};

// Why a text is no window, and where in it.
struct NoWindow {
    std::size_t at = 0;  // octets from its beginning
    std::string why;
};

// "Mon-Fri 08:00-18:00 2", "Sat,Sun 22:00-02:00 1 UTC", "daily 00:00-24:00 1 +02:00".
std::variant<WarmWindow, NoWindow> parse_warm_window(std::string_view text);

// Whether the window is open. Edges go by the local clock: on the day on which daylight saving begins or ends
// a window that spans the change is an hour shorter or longer.
bool open(const WarmWindow&, const LocalTime&);

// The settings that hold at this moment: the widest open window raises the minimum, within the maximum.
Settings with_warm_hours(Settings, const LocalTime&);

}  // namespace autoscaler
