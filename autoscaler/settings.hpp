// What the autoscaler of one revision goes by, fully resolved: annotations over config-autoscaler over
// Knative's defaults (Knative v1.23: pkg/autoscaler/config/config.go,
// pkg/reconciler/autoscaling/resources/target.go).
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "autoscaler/warm_hours.hpp"
#include "pods/pod.hpp"

namespace autoscaler {

using pods::Clock;
using pods::Duration;
using pods::PodId;
using pods::TimePoint;
using std::chrono::seconds;

// Which rule decides: Knative's, or ours (break_even.hpp).
enum class Policy { kpa, break_even };
enum class Metric { concurrency, rps };
enum class Aggregation { linear, weighted_exponential };

// What break-even scaling goes by beside the bounds that it shares with Knative's rule.
struct BreakEvenSettings {
    Duration worth{seconds{45}};             // of idle pod, that sparing a user one cold start is worth
    Duration patience{seconds{5}};           // a start waits for busy pods no longer than that
    int spare = 0;                           // idle pods that are kept ready while there is demand
    bool cancel = true;                      // a starting pod that nobody waits for is ended
    Duration cold_start_guess{seconds{30}};  // until one was measured
    std::optional<Duration> fixed_keep{};    // instead of what was learnt; to compare with, not an annotation

    friend bool operator==(const BreakEvenSettings&, const BreakEvenSettings&) = default;
};

struct Settings {
    Policy policy = Policy::kpa;
    Metric metric = Metric::concurrency;
    double target = 70;  // per pod, utilization applied
    double total = 100;  // per pod, before utilization
    seconds stable_window{60};
    seconds panic_window{6};
    double panic_threshold = 2;  // ratio: 2 is Knative's 200 %
    double max_scale_up_rate = 1000;
    double max_scale_down_rate = 2;
    double target_burst_capacity = 211;  // -1: unlimited
    int min_scale = 0;
    int max_scale = 0;  // 0: no maximum
    int initial_scale = 1;
    int activation_scale = 1;
    seconds scale_down_delay{0};
    Duration scale_to_zero_pod_retention_period{0};
    bool enable_scale_to_zero = true;
    Duration scale_to_zero_grace_period{std::chrono::seconds{30}};
    seconds progress_deadline{600};
    Aggregation aggregation = Aggregation::linear;

    std::optional<int> by_hand{};  // so many pods, whatever is measured

    // Beyond Knative; what they mend and what they cost is in docs/autoscaling.md.
    int max_starting = 0;                // pods that start at once; 0: no bound
    bool panic_counts_starting = false;  // pods on their way count against panic as if they were ready
    std::vector<WarmWindow>
        warm_hours{};              // in which the minimum is higher; the controller looks at the clock
    std::string fewest_because{};  // why min_scale is what it is, when it is not the annotation's; a sentence
    BreakEvenSettings break_even;

    friend bool operator==(const Settings&, const Settings&) = default;
};

}  // namespace autoscaler
