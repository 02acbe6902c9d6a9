#include "cli/moment.hpp"

#include <charconv>
#include <chrono>

namespace cli {
namespace {

// The digits at `at`, and what separates them from what follows; empty if either is missing.
std::optional<int> field(std::string_view text, std::size_t at, std::size_t length) {
    const auto digits = text.substr(at, length);
    if (digits.size() != length || digits.find_first_not_of("0123456789") != std::string_view::npos)
        return std::nullopt;
    int value = 0;
    std::from_chars(digits.data(), digits.data() + length, value);
    return value;
}

std::optional<std::int64_t> offset(std::string_view text) {
    if (text == "Z") return 0;
    if (text.size() != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':') return std::nullopt;
    const auto hours = field(text, 1, 2), minutes = field(text, 4, 2);
    if (!hours || !minutes || *hours > 23 || *minutes > 59) return std::nullopt;
    return (text[0] == '-' ? -1 : 1) * (*hours * 3600 + *minutes * 60);
}

}  // namespace

std::optional<autoscaler::LocalTime> parse_moment(std::string_view text) {
    constexpr std::string_view form = "0000-00-00T00:00:00";
    if (text.size() <= form.size()) return std::nullopt;
    for (std::size_t i = 0; i < form.size(); ++i)
        if (form[i] != '0' && text[i] != form[i]) return std::nullopt;
    const auto year = field(text, 0, 4), month = field(text, 5, 2), day = field(text, 8, 2);
    const auto hour = field(text, 11, 2), minute = field(text, 14, 2), second = field(text, 17, 2);
    const auto ahead = offset(text.substr(form.size()));
    if (!year || !month || !day || !hour || !minute || !second || !ahead) return std::nullopt;
    const std::chrono::year_month_day date{std::chrono::year{*year},
                                           std::chrono::month{static_cast<unsigned>(*month)},
                                           std::chrono::day{static_cast<unsigned>(*day)}};
    if (!date.ok() || *hour > 23 || *minute > 59 || *second > 59) return std::nullopt;
    const auto days = std::chrono::sys_days(date).time_since_epoch().count();
    return autoscaler::LocalTime{std::int64_t{days} * 86'400 + *hour * 3600 + *minute * 60 + *second - *ahead,
                                 *ahead};
}

}  // namespace cli
