// Counters of one service: written by the workers with relaxed atomics, read by a scrape. Nothing here can
// block.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>

#include "proxy/traffic/refusal.hpp"

namespace proxy {

// Seconds, in buckets wide enough for images: Knative's end at 10 s, ours at 600 (PRODUCT.md section 11).
class Histogram {
public:
    static constexpr std::array<double, 18> bounds{.005, .01, .025, .05, .1, .25, .5,  1,   2.5,
                                                   5,    10,  15,   30,  60, 120, 180, 300, 600};

    void observe(std::chrono::duration<double> value) {
        std::size_t bucket = 0;
        while (bucket < bounds.size() && value.count() > bounds[bucket]) ++bucket;
        counts_[bucket].fetch_add(1, std::memory_order_relaxed);
        microseconds_.fetch_add(static_cast<std::uint64_t>(value.count() * 1e6), std::memory_order_relaxed);
    }

    std::uint64_t count(std::size_t bucket) const { return counts_[bucket].load(std::memory_order_relaxed); }
    double sum() const { return static_cast<double>(microseconds_.load(std::memory_order_relaxed)) / 1e6; }

private:
    std::array<std::atomic<std::uint64_t>, bounds.size() + 1> counts_{};  // the last: above all bounds
    std::atomic<std::uint64_t> microseconds_{0};
};

struct ServiceMetrics {
    static constexpr std::size_t refusals = static_cast<std::size_t>(Refusal::client_left) + 1;

    std::array<std::atomic<std::uint64_t>, 6> responses{};  // by class: [2] is 2xx; [0]: the client left
    std::array<std::atomic<std::uint64_t>, refusals> refused{};
    std::atomic<std::uint64_t> retries{0};
    std::atomic<std::uint64_t> bytes_in{0}, bytes_out{0};
    std::array<Histogram, 6> duration{};  // of whole requests, by response class
    Histogram queue_wait;                 // generations: waiting for a slot while a pod was ready
    Histogram cold_wait;                  // and while none was
    Histogram pod_time;                   // from the pod having the request to its last octet
};

}  // namespace proxy
