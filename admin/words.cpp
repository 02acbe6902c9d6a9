#include "admin/words.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

namespace admin {

std::string human_duration(std::chrono::nanoseconds duration) {
    const long seconds =
        static_cast<long>(std::chrono::duration_cast<std::chrono::seconds>(duration).count());
    if (seconds < -1) return "<invalid>";  // two machines' clocks may differ by a second or so, not by more
    if (seconds < 0) return "0s";
    if (seconds < 2 * 60) return fmt::format("{}s", seconds);
    const auto both = [](long big, char unit, long small, char small_unit) {
        return small == 0 ? fmt::format("{}{}", big, unit)
                          : fmt::format("{}{}{}{}", big, unit, small, small_unit);
    };
    const long minutes = seconds / 60;
    if (minutes < 10) return both(minutes, 'm', seconds % 60, 's');
    if (minutes < 3 * 60) return fmt::format("{}m", minutes);
    const long hours = minutes / 60;
    if (hours < 8) return both(hours, 'h', minutes % 60, 'm');
    if (hours < 48) return fmt::format("{}h", hours);
    const long days = hours / 24;
    if (days < 8) return both(days, 'd', hours % 24, 'h');
    if (days < 2 * 365) return fmt::format("{}d", days);
    if (days < 8 * 365) return both(days / 365, 'y', days % 365, 'd');
    return fmt::format("{}y", days / 365);
}

std::string age(WallTime created, WallTime now) {
    if (created == WallTime{}) return "<unknown>";
    return human_duration(now - created);
}

std::string rfc3339(WallTime time) {
    return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::chrono::system_clock::to_time_t(time)));
}

}  // namespace admin
