// What all spools of the process together may take of memory and of the disk. Any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>

namespace proxy {

class Allowance {
public:
    // A lower limit than what is taken already only refuses more.
    void set_limit(std::uint64_t octets) { limit_.store(octets, std::memory_order_relaxed); }

    // All of it or nothing.
    [[nodiscard]] bool take(std::uint64_t octets) {
        const auto limit = limit_.load(std::memory_order_relaxed);
        auto used = used_.load(std::memory_order_relaxed);
        do
            if (used > limit || octets > limit - used) return false;
        while (!used_.compare_exchange_weak(used, used + octets, std::memory_order_relaxed));
        return true;
    }
    void take_anyway(std::uint64_t octets) { used_.fetch_add(octets, std::memory_order_relaxed); }
    void give_back(std::uint64_t octets) { used_.fetch_sub(octets, std::memory_order_relaxed); }

    std::uint64_t used() const { return used_.load(std::memory_order_relaxed); }

private:
    std::atomic<std::uint64_t> limit_{std::numeric_limits<std::uint64_t>::max()};
    std::atomic<std::uint64_t> used_{0};
};

struct SpoolBudget {
    Allowance memory, disk;
};

}  // namespace proxy
