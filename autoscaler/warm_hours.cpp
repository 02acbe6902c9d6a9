#include "autoscaler/warm_hours.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "autoscaler/settings.hpp"
#include "autoscaler/words.hpp"

namespace autoscaler {
namespace {

constexpr std::array<std::string_view, 7> day_names{"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
constexpr unsigned all_days = 0x7f;
constexpr int minutes_a_day = 24 * 60, most_pods = 1000;
constexpr std::int64_t seconds_a_day = 86'400;

constexpr std::string_view form = "write DAYS FROM-TO PODS, as in: Mon-Fri 08:00-18:00 2";

struct Word {
    std::string_view text;
    std::size_t at;
};

std::vector<Word> words_of(std::string_view text) {
    constexpr std::string_view blank = " \t\r";
    std::vector<Word> words;
    for (auto at = text.find_first_not_of(blank); at != std::string_view::npos;) {
        const auto end = std::min(text.find_first_of(blank, at), text.size());
        words.push_back({text.substr(at, end - at), at});
        at = text.find_first_not_of(blank, end);
    }
    return words;
}

std::string quoted(std::string_view text) {
    return "'" + std::string(text) + "'";
}

std::optional<int> number_of(std::string_view text) {
    int value = 0;
    const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (wrong != std::errc{} || end != text.data() + text.size() || text.front() == '-') return std::nullopt;
    return value;
}

std::optional<int> day_of(std::string_view text) {
    std::string lower(text);
    std::ranges::transform(lower, lower.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    const auto found = std::ranges::find(day_names, lower);
    if (found == day_names.end()) return std::nullopt;
    return static_cast<int>(found - day_names.begin());
}

// "Mon-Fri", "Sat,Sun", "Fri-Mon,Wed", "daily"
std::optional<unsigned> days_of(std::string_view text) {
    if (text == "daily") return all_days;
    unsigned days = 0;
    for (;;) {
        const auto comma = text.find(',');
        const auto part = text.substr(0, comma);
        const auto dash = part.find('-');
        const auto first = day_of(part.substr(0, dash));
        const auto last = dash == std::string_view::npos ? first : day_of(part.substr(dash + 1));
        if (!first || !last) return std::nullopt;
        for (int day = *first;; day = (day + 1) % 7) {
            days |= 1u << day;
            if (day == *last) break;
        }
        if (comma == std::string_view::npos) return days;
        text.remove_prefix(comma + 1);
    }
}

// "08:00", "24:00": minutes
std::optional<int> minutes_of(std::string_view text) {
    if (text.size() != 5 || text[2] != ':') return std::nullopt;
    const auto hours = number_of(text.substr(0, 2)), minutes = number_of(text.substr(3));
    if (!hours || !minutes || *minutes > 59 || *hours * 60 + *minutes > minutes_a_day) return std::nullopt;
    return *hours * 60 + *minutes;
}

// "UTC", "+02:00", "-03:30": seconds
std::optional<std::int64_t> offset_of(std::string_view text) {
    if (text == "UTC" || text == "Z") return 0;
    if (text.empty() || (text[0] != '+' && text[0] != '-')) return std::nullopt;
    const auto minutes = minutes_of(text.substr(1));
    if (!minutes || *minutes > 14 * 60) return std::nullopt;
    return (text[0] == '-' ? -60 : 60) * *minutes;
}

// Reads "08:00-18:00" into the window; what is wrong with it, or nothing.
std::string read_times(std::string_view text, WarmWindow& window) {
    const auto dash = text.find('-');
    const auto from = minutes_of(text.substr(0, dash));
    const auto to = dash == std::string_view::npos ? std::nullopt : minutes_of(text.substr(dash + 1));
    if (!from || !to || *from == minutes_a_day)
        return quoted(text) + " is no time of day; write it as 08:00-18:00, over midnight as 22:00-02:00";
    if (*from == *to) return quoted(text) + " ends where it begins; a whole day is 00:00-24:00";
    window.from = *from;
    window.to = *to;
    return {};
}

}  // namespace

std::variant<WarmWindow, NoWindow> parse_warm_window(std::string_view text) {
    const auto words = words_of(text);
    if (words.size() < 3) {
        const auto what = words.empty() ? std::string("nothing") : quoted(text.substr(words[0].at));
        return NoWindow{words.empty() ? 0 : words[0].at, what + " is no window; " + std::string(form)};
    }
    WarmWindow window;
    const auto wrong = [](const Word& word, const std::string& why) { return NoWindow{word.at, why}; };
    const auto days = days_of(words[0].text);
    if (!days)
        return wrong(words[0], quoted(words[0].text) +
                                   " are no days; write Mon-Fri, Sat,Sun or daily, with days as Mon Tue Wed "
                                   "Thu Fri Sat Sun");
    window.days = *days;
    if (const auto why = read_times(words[1].text, window); !why.empty()) return wrong(words[1], why);
    const auto pods = number_of(words[2].text);
    if (!pods || *pods < 1 || *pods > most_pods)
        return wrong(words[2], quoted(words[2].text) + " is no number of pods; write 1 to " +
                                   std::to_string(most_pods));
    window.pods = *pods;
    window.name = std::string(words[0].text) + " " + std::string(words[1].text);
    if (words.size() == 3) return window;
    window.utc_offset = offset_of(words[3].text);
    if (!window.utc_offset)
        return wrong(words[3], quoted(words[3].text) +
                                   " is no distance from UTC; write UTC or as +02:00, or nothing for the "
                                   "gateway's local time, which the environment's TZ sets");
    window.name += " " + std::string(words[3].text);
    if (words.size() > 4)
        return wrong(words[4], quoted(words[4].text) +
                                   " is one word too many; write each window on a line "
                                   "of its own, or ; between them");
    return window;
}

bool open(const WarmWindow& window, const LocalTime& now) {
    const auto local = now.utc + window.utc_offset.value_or(now.utc_offset);
    auto day = local / seconds_a_day, second = local % seconds_a_day;
    if (second < 0) --day, second += seconds_a_day;
    const auto minute = static_cast<int>(second / 60);
    const auto weekday = static_cast<int>(((day + 3) % 7 + 7) % 7);  // 1970-01-01 was a Thursday
    const auto begins_on = [&](int which) { return ((window.days >> which) & 1u) != 0; };
    if (window.to > window.from) return begins_on(weekday) && minute >= window.from && minute < window.to;
    return (begins_on(weekday) && minute >= window.from) ||
           (begins_on((weekday + 6) % 7) && minute < window.to);
}

Settings with_warm_hours(Settings s, const LocalTime& now) {
    const WarmWindow* widest = nullptr;
    for (const auto& window : s.warm_hours)
        if (open(window, now) && (widest == nullptr || window.pods > widest->pods)) widest = &window;
    if (widest == nullptr) return s;
    const int pods = s.max_scale > 0 ? std::min(widest->pods, s.max_scale) : widest->pods;
    if (pods <= s.min_scale) return s;
    s.min_scale = pods;
    s.fewest_because = "warm hours " + widest->name + " keep " + autoscaler::pods(pods);
    if (pods < widest->pods) s.fewest_because += ", max-scale allows no more";
    return s;
}

}  // namespace autoscaler
