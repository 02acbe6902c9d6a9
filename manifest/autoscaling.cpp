#include "manifest/autoscaling.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <string>

#include "manifest/units.hpp"

namespace manifest {

namespace {

using autoscaler::Aggregation;
using autoscaler::Metric;
using std::chrono::nanoseconds;
using std::chrono::seconds;

// Reads annotations one by one; every complaint is "what: key", as Knative's FieldError prints it.
class Reader {
public:
    Reader(const Annotations& annotations, Problems& problems)
        : annotations_(annotations), problems_(problems) {}

    struct Found {
        const std::string& key;
        const Annotation& annotation;
        const std::string& value = annotation.value;
    };

    std::optional<Found> find(std::string_view name) const {
        const auto known = std::ranges::find(autoscaling_keys(), name, &AutoscalingKey::name);
        for (const auto spelling : {known->name, known->alias}) {
            const auto entry = annotations_.find(std::string(autoscaling_prefix) + std::string(spelling));
            if (!spelling.empty() && entry != annotations_.end()) return Found{entry->first, entry->second};
        }
        return std::nullopt;
    }

    void say(const Found& found, const std::string& text) {
        problems_.error(found.annotation.value_place, text);
    }
    void complain(const Found& found, const std::string& text) { say(found, text + ": " + found.key); }
    void invalid(const Found& found) { complain(found, "invalid value: " + found.value); }
    void out_of_bounds(const Found& found, const std::string& low, const std::string& high) {
        complain(found, "expected " + low + " <= " + found.value + " <= " + high);
    }

    // A number in [low, high].
    void number(std::string_view name, double& out, double low, double high) {
        const auto found = find(name);
        if (!found) return;
        const auto value = parse_number(found->value);
        if (!value) return invalid(*found);
        if (*value < low || *value > high)
            return out_of_bounds(*found, format_number(low), format_number(high));
        out = *value;
    }

    // A count of pods, 0 if it is not written or wrong, as Knative goes on with it.
    std::optional<int> scale(std::string_view name) {
        constexpr auto most = std::numeric_limits<std::int32_t>::max();
        const auto found = find(name);
        if (!found) return std::nullopt;
        const auto value = parse_integer(found->value);
        const auto digits =
            found->value.find_first_not_of("0123456789", found->value.starts_with('-') ? 1 : 0);
        const bool huge = !value && digits == std::string::npos && found->value.size() > 10;
        if (!value && !huge) {
            invalid(*found);
            return std::nullopt;
        }
        if (huge || *value < 0 || *value > most) {
            out_of_bounds(*found, "0", std::to_string(most));
            return std::nullopt;
        }
        return static_cast<int>(*value);
    }

    // A duration in [low, one hour], of whole seconds where that is asked.
    template <class Out>
    void duration(std::string_view name, Out& out, seconds low, bool whole) {
        const auto found = find(name);
        if (!found) return;
        const auto value = parse_duration(found->value);
        if (!value) return invalid(*found);
        if (*value < low || *value > longest_window)
            return out_of_bounds(*found, format_duration(low), format_duration(longest_window));
        if (whole && *value % seconds{1} != nanoseconds{0})
            return complain(*found, "must be specified with at most second precision");
        out = std::chrono::duration_cast<Out>(*value);
    }

private:
    const Annotations& annotations_;
    Problems& problems_;
};

using autoscaler::Policy;

Policy read_class(Reader& reader, const ClusterDefaults& defaults) {
    const auto found = reader.find("class");
    const auto cluster = defaults.pod_autoscaler_class == break_even_class ? Policy::break_even : Policy::kpa;
    if (!found) return cluster;
    if (found->value == break_even_class) return Policy::break_even;
    if (found->value == kpa_class || found->value == "kpa") return Policy::kpa;
    const std::string& name = found->value;
    if (name == "hpa.autoscaling.knative.dev" || name == "hpa")
        reader.complain(*found, "invalid value: " + name + ", there is no HPA here; use " +
                                    std::string(kpa_class) + " with metric concurrency or rps");
    else
        reader.complain(*found, "invalid value: " + name + ", expected " + std::string(kpa_class) + " or " +
                                    std::string(break_even_class));
    return cluster;
}

// What break-even scaling does not go by. It is still checked: the class may change back.
void warn_meaningless(const Reader& reader, Problems& problems) {
    for (const auto name :
         {"metric", "target", "target-utilization-percentage", "target-burst-capacity", "window",
          "panic-window-percentage", "panic-threshold-percentage", "metric-aggregation-algorithm"})
        if (const auto found = reader.find(name))
            problems.warning(found->annotation.place,
                             found->key + ": means nothing with class " + std::string(break_even_class));
}

Metric read_metric(Reader& reader) {
    const auto found = reader.find("metric");
    if (found && found->value != "concurrency" && found->value != "rps") reader.invalid(*found);
    return found && found->value == "rps" ? Metric::rps : Metric::concurrency;
}

Aggregation read_aggregation(Reader& reader) {
    const auto found = reader.find("metric-aggregation-algorithm");
    if (!found || found->value.empty() || found->value == "linear") return Aggregation::linear;
    if (found->value != "weighted-exponential" && found->value != "weightedExponential")
        reader.invalid(*found);
    return Aggregation::weighted_exponential;
}

void read_initial_scale(Reader& reader, const ClusterDefaults& defaults, int& out) {
    const auto found = reader.find("initial-scale");
    if (!found) return;
    const auto value = parse_integer(found->value);
    if (!value || *value > std::numeric_limits<std::int32_t>::max()) return reader.invalid(*found);
    if (*value < 0)
        return reader.say(*found,
                          "invalid value: " + found->value + ": " + found->key + " must be greater than 0");
    if (*value == 0 && !defaults.allow_zero_initial_scale)
        return reader.say(*found, "invalid value: 0: " + found->key + "=0 not allowed by cluster");
    out = static_cast<int>(*value);
}

void read_activation_scale(Reader& reader, int min, int max, int& out) {
    const auto found = reader.find("activation-scale");
    if (!found) return;
    const auto value = parse_integer(found->value);
    if (!value || *value < std::numeric_limits<std::int32_t>::min() ||
        *value > std::numeric_limits<std::int32_t>::max())
        return reader.invalid(*found);
    const auto activation = "activation-scale=" + std::to_string(*value);
    if (min > *value)
        return reader.complain(*found, "min-scale=" + std::to_string(min) + " is greater than " + activation);
    if (max != 0 && max < *value)
        return reader.complain(*found, "max-scale=" + std::to_string(max) + " is less than " + activation);
    if (*value < 2) return reader.complain(*found, activation + " must be greater than 1");
    out = static_cast<int>(*value);
}

void read_scales(Reader& reader, const ClusterDefaults& defaults, autoscaler::Settings& settings) {
    const auto min = reader.scale("min-scale"), max = reader.scale("max-scale");
    const auto written = reader.find("max-scale");
    if (max && *max != 0 && *max < min.value_or(0))
        reader.say(*written, "max-scale=" + std::to_string(*max) +
                                 " is less than min-scale=" + std::to_string(*min) + ": " + written->key +
                                 ", " + reader.find("min-scale")->key);
    if (const int limit = defaults.max_scale_limit; max && limit > 0) {
        if (*max > limit) reader.out_of_bounds(*written, "1", std::to_string(limit));
        if (*max == 0)
            reader.complain(*written, "max-scale=0 (unlimited), must be less than " + std::to_string(limit));
    }
    settings.min_scale = min.value_or(defaults.min_scale);
    settings.max_scale = max.value_or(defaults.max_scale);
    // One of the two is config-autoscaler's. Knative lets it pass and then obeys the maximum.
    if (const auto found = min ? reader.find("min-scale") : written;
        found && min.has_value() != max.has_value() && settings.max_scale != 0 &&
        settings.max_scale < settings.min_scale)
        reader.complain(*found, "max-scale=" + std::to_string(settings.max_scale) +
                                    " is less than min-scale=" + std::to_string(settings.min_scale) +
                                    " together with config-autoscaler");
    read_activation_scale(reader, min.value_or(0), max.value_or(0), settings.activation_scale);
    settings.initial_scale = defaults.initial_scale;
    read_initial_scale(reader, defaults, settings.initial_scale);
}

// target.go, ResolveMetricTarget
void read_target(Reader& reader, const ClusterDefaults& defaults, int container_concurrency,
                 autoscaler::Settings& settings) {
    const bool concurrency = settings.metric == Metric::concurrency;
    double total = defaults.requests_per_second_target_default, utilization = 0.7;  // hard-wired for rps
    if (concurrency) {
        total =
            container_concurrency > 0 ? container_concurrency : defaults.container_concurrency_target_default;
        utilization = defaults.container_concurrency_target_percentage;
    }
    if (const auto found = reader.find("target")) {
        const auto value = parse_number(found->value);
        if (!value)
            reader.invalid(*found);
        else if (*value < smallest_target)
            reader.complain(
                *found, "target " + found->value + " should be at least " + format_number(smallest_target));
        else
            total = concurrency && container_concurrency > 0 ? std::min<double>(*value, container_concurrency)
                                                             : *value;
    }
    double percentage = utilization * 100;
    if (reader.find("target-utilization-percentage")) {
        reader.number("target-utilization-percentage", percentage, 1, 100);
        utilization = percentage / 100;
    }
    settings.total = total;
    settings.target = std::max(smallest_target, total * utilization);
}

void read_windows(Reader& reader, const ClusterDefaults& defaults, autoscaler::Settings& settings) {
    using std::chrono::duration_cast;
    settings.stable_window = duration_cast<seconds>(defaults.stable_window);
    reader.duration("window", settings.stable_window, shortest_window, true);
    double panic_window = defaults.panic_window_percentage;
    reader.number("panic-window-percentage", panic_window, 1, 100);
    // metric.go: rounded half up to the second, one second at least.
    const auto panic_seconds =
        std::floor(static_cast<double>(settings.stable_window.count()) * panic_window / 100 + 0.5);
    settings.panic_window = seconds{std::max<std::int64_t>(1, static_cast<std::int64_t>(panic_seconds))};
    double threshold = defaults.panic_threshold_percentage;
    reader.number("panic-threshold-percentage", threshold, 110, 1000);
    settings.panic_threshold = threshold / 100;
    settings.scale_down_delay = duration_cast<seconds>(defaults.scale_down_delay);
    reader.duration("scale-down-delay", settings.scale_down_delay, seconds{0}, true);
    settings.scale_to_zero_pod_retention_period = defaults.scale_to_zero_pod_retention_period;
    reader.duration("scale-to-zero-pod-retention-period", settings.scale_to_zero_pod_retention_period,
                    seconds{0}, false);
    settings.scale_to_zero_grace_period = defaults.scale_to_zero_grace_period;
}

void read_burst_capacity(Reader& reader, double& out) {
    const auto found = reader.find("target-burst-capacity");
    if (!found) return;
    const auto value = parse_number(found->value);
    if (!value || (*value < 0 && *value != -1)) return reader.invalid(*found);
    out = *value;
}

// pkg/apis/serving/metadata_validation.go, ValidateProgressDeadlineAnnotation
void read_progress_deadline(const Annotations& annotations, Problems& problems, seconds& out) {
    const auto entry = annotations.find(progress_deadline_key);
    if (entry == annotations.end()) return;
    const auto& text = entry->second.value;
    const auto value = parse_duration(text);
    const auto complain = [&](const std::string& what) {
        problems.error(entry->second.value_place, what + ": " + entry->first);
    };
    if (!value) return complain("invalid value: " + text);
    if (*value % seconds{1} != nanoseconds{0})
        return complain("progress-deadline=" + text + " is not at second precision");
    if (value->count() <= 0) return complain("progress-deadline=" + text + " must be positive");
    out = std::chrono::duration_cast<seconds>(*value);
}

}  // namespace

autoscaler::Settings resolve(const Annotations& annotations, const ClusterDefaults& defaults,
                             int container_concurrency, Problems& problems) {
    Reader reader(annotations, problems);
    autoscaler::Settings settings;
    warn_unknown_autoscaling(annotations, problems);
    settings.policy = read_class(reader, defaults);
    if (settings.policy == Policy::break_even) warn_meaningless(reader, problems);
    settings.metric = read_metric(reader);
    read_target(reader, defaults, container_concurrency, settings);
    read_windows(reader, defaults, settings);
    read_scales(reader, defaults, settings);
    settings.aggregation = read_aggregation(reader);
    settings.target_burst_capacity = defaults.target_burst_capacity;
    read_burst_capacity(reader, settings.target_burst_capacity);
    settings.max_scale_up_rate = defaults.max_scale_up_rate;
    settings.max_scale_down_rate = defaults.max_scale_down_rate;
    settings.enable_scale_to_zero = defaults.enable_scale_to_zero;
    read_progress_deadline(annotations, problems, settings.progress_deadline);
    return settings;
}

}  // namespace manifest
