// The ConfigMap config-autoscaler: what every service goes by that does not say otherwise. Keys, defaults and
// validation are Knative's (v1.23, pkg/autoscaler/config/config.go, config/core/configmaps/autoscaler.yaml).
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "manifest/fields.hpp"
#include "manifest/problem.hpp"

namespace manifest {

inline constexpr std::string_view kpa_class = "kpa.autoscaling.knative.dev";
inline constexpr std::string_view break_even_class = "break-even.pilotlight.dev";
inline constexpr double smallest_target = 0.01;            // autoscaling.TargetMin
inline constexpr std::chrono::seconds shortest_window{6};  // autoscaling.WindowMin
inline constexpr std::chrono::hours longest_window{1};     // autoscaling.WindowMax

struct ClusterDefaults {
    using nanoseconds = std::chrono::nanoseconds;

    std::string pod_autoscaler_class{kpa_class};
    bool enable_scale_to_zero = true;
    bool allow_zero_initial_scale = false;
    double max_scale_up_rate = 1000;
    double max_scale_down_rate = 2;
    double container_concurrency_target_percentage = 0.7;  // a fraction: values above 1 were divided by 100
    double container_concurrency_target_default = 100;
    double requests_per_second_target_default = 200;
    double target_burst_capacity = 211;
    double panic_window_percentage = 10;
    double panic_threshold_percentage = 200;
    double activator_capacity = 100;  // read and checked; one process has no activators to count
    std::int32_t initial_scale = 1;
    std::int32_t min_scale = 0;
    std::int32_t max_scale = 0;
    std::int32_t max_scale_limit = 0;
    nanoseconds stable_window = std::chrono::seconds{60};
    nanoseconds scale_down_delay{0};
    nanoseconds scale_to_zero_grace_period = std::chrono::seconds{30};
    nanoseconds scale_to_zero_pod_retention_period{0};

    friend bool operator==(const ClusterDefaults&, const ClusterDefaults&) = default;
};

// `data` is the ConfigMap's. "_example" is left alone, as Knative does; an unknown key is a warning.
ClusterDefaults read_cluster_defaults(const Annotations& data, Problems& problems);

}  // namespace manifest
