// What the pool of one revision goes by. Live-tunable: a change never restarts a pod.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "pods/pod.hpp"

namespace router {

using pods::Clock;
using pods::Duration;
using pods::PodId;
using pods::TimePoint;

struct PoolSettings {
    int container_concurrency = 0;     // slots a pod; 0: unlimited
    std::size_t queue_depth = 10'000;  // waiting requests; pkg/activator/net/throttler.go breakerQueueDepth
    std::uint64_t queue_bytes = 1ull << 30;                   // their bodies, all together
    Duration queue_timeout = std::chrono::seconds{300};       // waiting while a pod is ready
    Duration cold_start_timeout = std::chrono::seconds{600};  // waiting while none is
    std::optional<Duration>
        affinity_wait;          // how long a session waits for its own busy pod; empty: for ever (strict)
    int failures_to_bench = 3;  // consecutive errors that take a pod out until it passes its probe

    friend bool operator==(const PoolSettings&, const PoolSettings&) = default;
};

struct Affinity {
    bool cookie = false;
    std::string cookie_name = "sd";
    std::chrono::seconds cookie_timeout{1800};

    friend bool operator==(const Affinity&, const Affinity&) = default;
};

}  // namespace router
