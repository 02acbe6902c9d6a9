#include "proxy/bounds/memory_used.hpp"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <string>

namespace proxy {
namespace {

std::optional<std::uint64_t> number_in(const std::filesystem::path& file) {
    std::ifstream in(file);
    std::uint64_t value = 0;
    if (in >> value) return value;
    return std::nullopt;  // "max", or no such file
}

std::uint64_t page_size() {
    static const auto size = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    return size;
}

std::string own_group() {  // "0::/system.slice/pilotlight.service"
    std::ifstream in("/proc/self/cgroup");
    for (std::string line; std::getline(in, line);)
        if (line.starts_with("0::")) return line.substr(3);
    return "/";
}

}  // namespace

std::uint64_t resident_memory() {
    std::ifstream in("/proc/self/statm");
    std::uint64_t all = 0, resident = 0;
    return in >> all >> resident ? resident * page_size() : 0;
}

std::optional<std::uint64_t> smallest_memory_max(const std::filesystem::path& root, std::string_view group) {
    std::optional<std::uint64_t> smallest;
    auto path = (root / std::filesystem::path(group).relative_path()).lexically_normal();
    for (;; path = path.parent_path()) {
        if (const auto max = number_in(path / "memory.max"))
            smallest = std::min(smallest.value_or(*max), *max);
        if (path == root || !path.has_relative_path()) return smallest;
    }
}

std::uint64_t memory_limit(std::uint64_t configured) {
    static const auto half = memory_to_be_had() / 2;
    return configured != 0 ? configured : half;
}

std::uint64_t memory_to_be_had() {
    auto bytes = static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) * page_size();
    if (const auto max = smallest_memory_max("/sys/fs/cgroup", own_group())) bytes = std::min(bytes, *max);
    if (const auto max = number_in("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
        bytes = std::min(bytes, *max);
    return bytes;
}

}  // namespace proxy
