// What follows from a collector's answer: OTLP/HTTP says which ones are worth another try. Pure.
#pragma once

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace proxy {

enum class ExportOutcome { taken, refused, later };

// `status` 0: no answer. OTLP specification, "OTLP/HTTP Response": 429, 502, 503 and 504 are for later.
constexpr ExportOutcome outcome_of(int status) {
    if (status >= 200 && status < 300) return ExportOutcome::taken;
    const bool later = status == 0 || status == 429 || status == 502 || status == 503 || status == 504;
    return later ? ExportOutcome::later : ExportOutcome::refused;
}

// "The collector takes fewer, or has something to say": of an answer that took, and none of a retry (OTLP
// specification, "Partial Success").
struct PartialSuccess {
    std::uint64_t rejected = 0;
    std::string message;
};
PartialSuccess partial_success(const std::string& body);

// Retry-After in its seconds; a date is not heeded (RFC 9110 section 10.2.3).
inline std::optional<std::chrono::milliseconds> retry_after(std::string_view text) {
    int seconds = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (error != std::errc{} || end != text.data() + text.size() || seconds < 0) return std::nullopt;
    return std::chrono::seconds(std::min(seconds, 120));
}

// Before the `number`th retry, doubled each time and spread by `random` of [0, 1) over its upper half.
constexpr std::chrono::milliseconds back_off(int number, double random) {
    const long long longest = 500LL << std::clamp(number, 0, 6);
    return std::chrono::milliseconds(longest / 2 +
                                     static_cast<long long>(static_cast<double>(longest / 2) * random));
}

}  // namespace proxy
