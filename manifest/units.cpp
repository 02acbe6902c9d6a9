#include "manifest/units.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

namespace manifest {

namespace {

// long double has 64 bits of mantissa here: every int64 of nanoseconds, and every uint64 of bytes, is exact.
static_assert(std::numeric_limits<long double>::digits >= 64);

constexpr bool digit(char c) {
    return c >= '0' && c <= '9';
}

// "12", "1.5", ".5", "1.": digits with at most one point; no sign. Takes them off the front.
std::optional<long double> take_decimal(std::string_view& text) {
    long double value = 0, unit = 1;
    bool point = false, digits = false;
    std::size_t used = 0;
    for (; used < text.size(); ++used) {
        const char c = text[used];
        if (c == '.' && !point) {
            point = true;
        } else if (digit(c)) {
            digits = true;
            value = value * 10 + (c - '0');
            if (point) unit *= 10;
        } else {
            break;
        }
    }
    text.remove_prefix(used);
    if (!digits || used > 40) return std::nullopt;
    return value / unit;
}

struct Suffix {
    std::string_view text;
    long double factor;
};

constexpr std::array go_units{Suffix{"ns", 1e0L},        Suffix{"us", 1e3L},  Suffix{"\xc2\xb5s", 1e3L},
                              Suffix{"\xce\xbcs", 1e3L}, Suffix{"ms", 1e6L},  Suffix{"s", 1e9L},
                              Suffix{"m", 60e9L},        Suffix{"h", 3600e9L}};

constexpr long double kibi = 1024;
constexpr std::array quantity_units{Suffix{"", 1},
                                    Suffix{"k", 1e3L},
                                    Suffix{"M", 1e6L},
                                    Suffix{"G", 1e9L},
                                    Suffix{"T", 1e12L},
                                    Suffix{"P", 1e15L},
                                    Suffix{"E", 1e18L},
                                    Suffix{"Ki", kibi},
                                    Suffix{"Mi", kibi* kibi},
                                    Suffix{"Gi", kibi* kibi* kibi},
                                    Suffix{"Ti", kibi* kibi* kibi* kibi},
                                    Suffix{"Pi", kibi* kibi* kibi* kibi* kibi},
                                    Suffix{"Ei", kibi* kibi* kibi* kibi* kibi* kibi}};

template <std::size_t N>
std::optional<long double> factor(const std::array<Suffix, N>& units, std::string_view text) {
    for (const auto& unit : units)
        if (unit.text == text) return unit.factor;
    return std::nullopt;
}

// "e6", "E3": what a quantity may have in place of a suffix.
std::optional<long double> exponent(std::string_view text) {
    if (text.size() < 2 || (text[0] != 'e' && text[0] != 'E')) return std::nullopt;
    const auto power = parse_integer(text.substr(1));
    if (!power || *power < 0 || *power > 18) return std::nullopt;
    return std::pow(10.0L, static_cast<long double>(*power));
}

}  // namespace

std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text) {
    const bool negative = text.starts_with('-');
    if (negative || text.starts_with('+')) text.remove_prefix(1);
    if (text == "0") return std::chrono::nanoseconds{0};
    if (text.empty()) return std::nullopt;
    long double sum = 0;
    while (!text.empty()) {
        const auto value = take_decimal(text);
        std::size_t length = 0;
        while (length < text.size() && !digit(text[length]) && text[length] != '.') ++length;
        const auto unit = factor(go_units, text.substr(0, length));
        if (!value || !unit) return std::nullopt;
        sum += std::trunc(*value * *unit);
        text.remove_prefix(length);
    }
    if (sum > static_cast<long double>(std::numeric_limits<std::int64_t>::max())) return std::nullopt;
    const auto count = static_cast<std::int64_t>(sum);
    return std::chrono::nanoseconds{negative ? -count : count};
}

std::string format_duration(std::chrono::nanoseconds duration) {
    using namespace std::chrono;
    const auto trimmed = [](nanoseconds amount, nanoseconds unit) {  // "1.5", without zeros at the end
        std::string text = std::to_string(amount / unit);
        if (const auto rest = (amount % unit).count(); rest != 0) {
            auto fraction = std::to_string(unit.count() + rest).substr(1);
            fraction.erase(fraction.find_last_not_of('0') + 1);
            text += "." + fraction;
        }
        return text;
    };
    if (duration.count() == 0) return "0s";
    if (duration.count() < 0) return "-" + format_duration(-duration);
    if (duration < 1us) return std::to_string(duration.count()) + "ns";
    if (duration < 1ms) return trimmed(duration, 1us) + "us";
    if (duration < 1s) return trimmed(duration, 1ms) + "ms";
    std::string text;
    if (duration >= 1h) text += std::to_string(duration / 1h) + "h";
    if (duration >= 1min) text += std::to_string(duration % 1h / 1min) + "m";
    return text + trimmed(duration % 1min, 1s) + "s";
}

std::optional<std::uint64_t> parse_quantity(std::string_view text) {
    if (text.starts_with('+')) text.remove_prefix(1);
    const auto value = take_decimal(text);
    auto unit = factor(quantity_units, text);
    if (!unit) unit = exponent(text);
    if (!value || !unit) return std::nullopt;
    const long double whole = *value * *unit;
    if (whole != std::trunc(whole) || whole >= 0x1p64L) return std::nullopt;
    return static_cast<std::uint64_t>(whole);
}

std::string format_quantity(std::uint64_t value) {
    constexpr std::array<std::string_view, 7> units{"", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"};
    std::size_t unit = 0;
    for (; value != 0 && value % 1024 == 0 && unit + 1 < units.size(); ++unit) value /= 1024;
    return std::to_string(value) + std::string(units[unit]);
}

std::optional<std::int64_t> parse_integer(std::string_view text) {
    if (text.starts_with('+') && text.size() > 1 && digit(text[1])) text.remove_prefix(1);
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

std::optional<double> parse_number(std::string_view text) {
    if (text.starts_with('+') && text.size() > 1 && text[1] != '-') text.remove_prefix(1);
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value))
        return std::nullopt;
    return value;
}

std::string format_number(double value) {
    std::array<char, 32> buffer{};
    const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
    return {buffer.data(), end};
}

}  // namespace manifest
