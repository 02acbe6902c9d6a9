// Counters of one service: written by the workers with relaxed atomics, read by a scrape. Nothing here can
// block.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <chrono>
#include <cmath>
#include <cstdint>

#include "proxy/traffic/refusal.hpp"

namespace proxy {

// Seconds, in buckets wide enough for images: Knative's end at 10 s, ours at 600 (PRODUCT.md section 11).
inline constexpr std::array<double, 18> seconds_of_requests{.005, .01, .025, .05, .1, .25, .5,  1,   2.5,
                                                            5,    10,  15,   30,  60, 120, 180, 300, 600};
// Of what should be nothing: a slot's rest between two generations.
inline constexpr std::array<double, 18> seconds_of_gaps{
    .0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .5, 1, 5, 10, 30, 60, 300, 600};

template <const auto& Bounds>
class BasicHistogram {
public:
    static constexpr auto& bounds = Bounds;

    void observe(std::chrono::duration<double> value) {
        std::size_t bucket = 0;
        while (bucket < bounds.size() && value.count() > bounds[bucket]) ++bucket;
        counts_[bucket].fetch_add(1, std::memory_order_relaxed);
        microseconds_.fetch_add(static_cast<std::uint64_t>(value.count() * 1e6), std::memory_order_relaxed);
    }

    std::uint64_t count(std::size_t bucket) const { return counts_[bucket].load(std::memory_order_relaxed); }
    double sum() const { return static_cast<double>(microseconds_.load(std::memory_order_relaxed)) / 1e6; }

private:
    std::array<std::atomic<std::uint64_t>, Bounds.size() + 1> counts_{};  // the last: above all bounds
    std::atomic<std::uint64_t> microseconds_{0};
};
using Histogram = BasicHistogram<seconds_of_requests>;
using GapHistogram = BasicHistogram<seconds_of_gaps>;

// For percentiles: eight buckets an octave of microseconds, so that what is read from it is within 6 % of
// what was put in, up to an hour and a bit.
class FineHistogram {
public:
    static constexpr std::size_t octaves = 32, parts = 8, size = (octaves - 3) * parts + parts;

    void observe(std::chrono::duration<double> value) {
        const auto most = static_cast<double>(UINT32_MAX);
        const auto microseconds = static_cast<std::uint32_t>(std::clamp(value.count() * 1e6, 0.0, most));
        counts_[bucket_of(microseconds)].fetch_add(1, std::memory_order_relaxed);
    }
    std::uint32_t count(std::size_t bucket) const { return counts_[bucket].load(std::memory_order_relaxed); }

    static constexpr std::size_t bucket_of(std::uint32_t microseconds) {
        if (microseconds < parts) return microseconds;
        const auto octave = static_cast<std::size_t>(std::bit_width(microseconds)) - 4;  // of eight parts
        return octave * parts + (microseconds >> octave);
    }
    // The middle of a bucket, in seconds.
    static constexpr double middle(std::size_t bucket) {
        if (bucket < 2 * parts) return static_cast<double>(bucket) / 1e6;
        const auto octave = bucket / parts - 1;
        const auto low = static_cast<double>((bucket % parts + parts) << octave);
        return (low + static_cast<double>(std::uint64_t{1} << octave) / 2) / 1e6;
    }

private:
    std::array<std::atomic<std::uint32_t>, size> counts_{};
};

// The way of a pod to its first readiness, as far as it shows from here.
enum class ColdPhase : unsigned char {
    pending,   // wanted, and not begun: a place, a GPU or the end of a back-off is missing
    creating,  // the driver makes it
    starting,  // it runs, and its port is closed
    mounting,  // its port is open, and it is not ready: the second stage of its probe
};
inline constexpr std::size_t cold_phases = 4;
inline constexpr std::array<std::string_view, cold_phases> cold_phase_names{"pending", "creating", "starting",
                                                                            "mounting"};

struct ServiceMetrics {
    static constexpr std::size_t refusals = static_cast<std::size_t>(Refusal::client_left) + 1;

    std::array<std::atomic<std::uint64_t>, 6> responses{};  // by class: [2] is 2xx; [0]: the client left
    // Navigations that met no pod and got the page that waits in their place: no answer of the service, and
    // nothing that failed. In none of the classes above.
    std::atomic<std::uint64_t> waiting_pages{0};
    std::array<std::atomic<std::uint64_t>, refusals> refused{};
    std::atomic<std::uint64_t> retries{0};
    std::atomic<std::uint64_t> bytes_in{0}, bytes_out{0};
    std::array<Histogram, 6> duration{};    // of whole requests, by response class
    std::array<Histogram, 6> invocation{};  // of the pod, for all that it answered, likewise
    Histogram queue_wait;                   // generations: waiting for a slot while a pod was ready
    Histogram cold_wait;                    // and while none was
    Histogram pod_time;                     // from the pod having the request to its last octet
    Histogram generation;                   // what a generation takes altogether, head to last octet
    FineHistogram generation_fine;          // the same
    GapHistogram gap_wanted,
        gap_unwanted;      // between two generations of a pod: somebody waited, or nobody did
    Histogram cold_start;  // pods, from wanted to ready
    std::array<Histogram, cold_phases> cold_start_phase{};
    std::atomic<std::uint64_t> failed_starts{0};   // of pods that ended before they were ready
    std::atomic<std::uint64_t> failed_service{0};  // of pods that ended unasked after that
};

}  // namespace proxy
