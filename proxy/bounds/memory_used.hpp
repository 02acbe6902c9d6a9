// What memory this process has, as the system counts it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>

namespace proxy {

std::uint64_t resident_memory();  // /proc/self/statm; 0: unknown

// The machine's, or less: what the control groups that we are in may take (cgroups(7), version 2 and 1).
std::uint64_t memory_to_be_had();

// What the gateway may take: as configured, or half of what is to be had.
std::uint64_t memory_limit(std::uint64_t configured);

// The smallest memory.max from a group up to the root, both given; empty: none has a bound.
std::optional<std::uint64_t> smallest_memory_max(const std::filesystem::path& root, std::string_view group);

}  // namespace proxy
