// A day in virtual time: requests of a trace through the gateway's own pool and controller (autoscaler,
// fleet) over pods that are only a cold start and a service time. Pure: nothing here knows a clock.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "autoscaler/settings.hpp"
#include "router/settings.hpp"

namespace cli {

struct TraceRequest {
    double arrival = 0;  // seconds from the first one
    double service = 0;  // seconds on a pod
};

struct Scenario {
    std::vector<TraceRequest> trace;  // by arrival
    double cold_start = 30;           // seconds from a pod's creation to its readiness
    autoscaler::Settings scaling;
    router::PoolSettings pool;
    std::optional<autoscaler::LocalTime> begins{};  // when the trace's second 0 was; warm hours need it
    bool keep_course = false;                       // also record the course, for a plot
};

// What holds from `at` on.
struct Moment {
    double at = 0;  // seconds
    int waiting = 0, running = 0;
    int starting = 0, ready = 0;
};

struct Outcome {
    std::size_t requests = 0, refused = 0;    // refused: queue full or out of time
    double starting = 0, idle = 0, busy = 0;  // seconds of pods
    int cold_starts = 0, cancelled = 0;       // starts of pods; those of them that nobody waited for
    int peak_pods = 0;                        // alive at once
    double span = 0;                          // to the last completion, seconds
    double wait_mean = 0, wait_50 = 0, wait_95 = 0, wait_99 = 0, wait_most = 0;  // for a slot, seconds
    std::vector<double> waits;  // of each request of the trace; negative: refused
    std::vector<Moment> course;

    double gpu_seconds() const { return starting + idle + busy; }
};

// The last pod is followed to its end, but no longer than an hour after the last request.
Outcome run(const Scenario&);

// What no policy can go below, whatever it knows.
struct Bounds {
    double service = 0;      // all service, and one cold start
    double clairvoyant = 0;  // nobody ever waits, and each pod sleeps through a gap or is started anew after
                             // it, whichever costs less: min(gap, cold start). Without a maximum of pods.
};
Bounds bounds(const std::vector<TraceRequest>& trace, double cold_start);

}  // namespace cli
