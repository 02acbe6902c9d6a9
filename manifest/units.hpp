// Durations as Go writes them and sizes as Kubernetes does: what manifests are full of.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace manifest {

// Go's time.ParseDuration: "2s", "1m30s", "500ms", "-1.5h", "0". Empty if it is none, or beyond 292 years.
std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text);

// Go's Duration.String: "1h0m0s", "1m30s", "500ms", "0s".
std::string format_duration(std::chrono::nanoseconds duration);

// A Kubernetes quantity that is a whole number: "256Mi", "1.5Gi", "10M", "1e6", "4096" (apimachinery
// resource.Quantity). Empty if it is none, negative, not whole, or beyond 64 bits.
std::optional<std::uint64_t> parse_quantity(std::string_view text);

// The shortest exact quantity: "1Gi", "4097".
std::string format_quantity(std::uint64_t value);

// A whole decimal number, all of the text, one sign allowed.
std::optional<std::int64_t> parse_integer(std::string_view text);

// A finite decimal number, all of the text: "0.7", "1e3", "+5".
std::optional<double> parse_number(std::string_view text);

// As Go's %v prints it: the shortest text that reads back the same.
std::string format_number(double value);

}  // namespace manifest
