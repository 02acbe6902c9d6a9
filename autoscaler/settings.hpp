// What the autoscaler of one revision goes by, fully resolved: annotations over config-autoscaler over
// Knative's defaults (Knative v1.23: pkg/autoscaler/config/config.go,
// pkg/reconciler/autoscaling/resources/target.go).
#pragma once

#include <chrono>

#include "pods/pod.hpp"

namespace autoscaler {

using pods::Clock;
using pods::Duration;
using pods::PodId;
using pods::TimePoint;
using std::chrono::seconds;

enum class Metric { concurrency, rps };
enum class Aggregation { linear, weighted_exponential };

struct Settings {
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

    friend bool operator==(const Settings&, const Settings&) = default;
};

}  // namespace autoscaler
