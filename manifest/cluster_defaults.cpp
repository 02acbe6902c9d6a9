#include "manifest/cluster_defaults.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <variant>

#include "manifest/units.hpp"

namespace manifest {

namespace {

using D = ClusterDefaults;

struct Key {
    std::string_view name;
    std::variant<std::string D::*, bool D::*, double D::*, std::int32_t D::*, std::chrono::nanoseconds D::*>
        field;
};

const std::array known_keys{
    Key{"pod-autoscaler-class", &D::pod_autoscaler_class},
    Key{"enable-scale-to-zero", &D::enable_scale_to_zero},
    Key{"allow-zero-initial-scale", &D::allow_zero_initial_scale},
    Key{"max-scale-up-rate", &D::max_scale_up_rate},
    Key{"max-scale-down-rate", &D::max_scale_down_rate},
    Key{"container-concurrency-target-percentage", &D::container_concurrency_target_percentage},
    Key{"container-concurrency-target-default", &D::container_concurrency_target_default},
    Key{"requests-per-second-target-default", &D::requests_per_second_target_default},
    Key{"target-burst-capacity", &D::target_burst_capacity},
    Key{"panic-window-percentage", &D::panic_window_percentage},
    Key{"panic-threshold-percentage", &D::panic_threshold_percentage},
    Key{"activator-capacity", &D::activator_capacity},
    Key{"initial-scale", &D::initial_scale},
    Key{"min-scale", &D::min_scale},
    Key{"max-scale", &D::max_scale},
    Key{"max-scale-limit", &D::max_scale_limit},
    Key{"stable-window", &D::stable_window},
    Key{"scale-down-delay", &D::scale_down_delay},
    Key{"scale-to-zero-grace-period", &D::scale_to_zero_grace_period},
    Key{"scale-to-zero-pod-retention-period", &D::scale_to_zero_pod_retention_period},
};

// Go's strconv.ParseBool.
std::optional<bool> parse_bool(std::string_view text) {
    constexpr std::array<std::string_view, 6> yes{"1", "t", "T", "TRUE", "true", "True"};
    constexpr std::array<std::string_view, 6> no{"0", "f", "F", "FALSE", "false", "False"};
    if (std::ranges::find(yes, text) != yes.end()) return true;
    if (std::ranges::find(no, text) != no.end()) return false;
    return std::nullopt;
}

std::optional<std::int32_t> parse_int32(std::string_view text) {
    const auto value = parse_integer(text);
    if (!value || *value < std::numeric_limits<std::int32_t>::min() ||
        *value > std::numeric_limits<std::int32_t>::max())
        return std::nullopt;
    return static_cast<std::int32_t>(*value);
}

// Stores a value in its field; answers with what it should have been, or nothing.
struct Store {
    D& defaults;
    std::string_view text;

    template <class T>
    std::string_view put(T D::*field, const std::optional<T>& value, std::string_view wanted) const {
        if (!value) return wanted;
        defaults.*field = *value;
        return {};
    }
    std::string_view operator()(std::string D::*field) const {
        return put(field, std::optional(std::string(text)), {});
    }
    std::string_view operator()(bool D::*field) const {
        return put(field, parse_bool(text), "true or false");
    }
    std::string_view operator()(double D::*field) const { return put(field, parse_number(text), "a number"); }
    std::string_view operator()(std::int32_t D::*field) const {
        return put(field, parse_int32(text), "a whole number");
    }
    std::string_view operator()(std::chrono::nanoseconds D::*field) const {
        return put(field, parse_duration(text), "a duration such as \"30s\"");
    }
};

// Knative's validate(), all of it instead of the first complaint. Each is laid to the key that it is about.
template <class Complain>
void validate(const D& d, Complain complain) {
    using std::chrono::seconds;
    const auto whole = [](std::chrono::nanoseconds value) { return value % seconds{1} == seconds{0}; };
    const auto shown = [](std::chrono::nanoseconds value) { return format_duration(value); };
    const auto number = [](double value) { return format_number(value); };

    if (d.pod_autoscaler_class != kpa_class && d.pod_autoscaler_class != "kpa" &&
        d.pod_autoscaler_class != break_even_class)
        complain("pod-autoscaler-class", "pod-autoscaler-class = " + quote(d.pod_autoscaler_class) +
                                             ", expected " + std::string(kpa_class) + " or " +
                                             std::string(break_even_class));
    if (d.scale_to_zero_grace_period.count() <= 0)
        complain("scale-to-zero-grace-period",
                 "scale-to-zero-grace-period must be positive, was: " + shown(d.scale_to_zero_grace_period));
    if (d.scale_down_delay.count() < 0)
        complain("scale-down-delay",
                 "scale-down-delay cannot be negative, was: " + shown(d.scale_down_delay));
    else if (!whole(d.scale_down_delay))
        complain("scale-down-delay", "scale-down-delay = " + shown(d.scale_down_delay) +
                                         ", must be specified with at most second precision");
    if (d.scale_to_zero_pod_retention_period.count() < 0)
        complain("scale-to-zero-pod-retention-period",
                 "scale-to-zero-pod-retention-period cannot be negative, was: " +
                     shown(d.scale_to_zero_pod_retention_period));
    if (d.target_burst_capacity < 0 && d.target_burst_capacity != -1)
        complain("target-burst-capacity",
                 "target-burst-capacity must be either non-negative or -1 (for unlimited), was: " +
                     std::to_string(d.target_burst_capacity));
    const double fraction = d.container_concurrency_target_percentage;
    if (fraction <= 0 || fraction > 1)
        complain("container-concurrency-target-percentage",
                 "container-concurrency-target-percentage = " + std::to_string(fraction) +
                     " is outside of valid range of (0, 100]");
    else if (const double target = fraction * d.container_concurrency_target_default;
             target < smallest_target)
        complain(
            "container-concurrency-target-default",
            "container-concurrency-target-percentage and container-concurrency-target-default yield target "
            "concurrency of " +
                number(target) + ", can't be less than " + number(smallest_target));
    if (d.requests_per_second_target_default < smallest_target)
        complain("requests-per-second-target-default",
                 "requests-per-second-target-default must be at least " + number(smallest_target) +
                     ", was: " + number(d.requests_per_second_target_default));
    if (d.activator_capacity < 1)
        complain("activator-capacity",
                 "activator-capacity = " + number(d.activator_capacity) + ", must be at least 1");
    if (d.max_scale_up_rate <= 1)
        complain("max-scale-up-rate",
                 "max-scale-up-rate = " + number(d.max_scale_up_rate) + ", must be greater than 1.0");
    if (d.max_scale_down_rate <= 1)
        complain("max-scale-down-rate",
                 "max-scale-down-rate = " + number(d.max_scale_down_rate) + ", must be greater than 1.0");
    if (d.stable_window < shortest_window || d.stable_window > longest_window)
        complain("stable-window", "stable-window = " + shown(d.stable_window) + ", must be in [" +
                                      shown(shortest_window) + "; " + shown(longest_window) + "] range");
    else if (!whole(d.stable_window))
        complain("stable-window", "stable-window = " + shown(d.stable_window) +
                                      ", must be specified with at most second precision");
    if (d.panic_window_percentage < 1 || d.panic_window_percentage > 100)
        complain("panic-window-percentage", "panic-window-percentage = " + number(d.panic_window_percentage) +
                                                ", must be in [1, 100] interval");
    // Not checked by Knative; a threshold of nothing would be panic for ever.
    if (d.panic_threshold_percentage <= 0)
        complain("panic-threshold-percentage",
                 "panic-threshold-percentage = " + number(d.panic_threshold_percentage) +
                     ", must be greater than 0");
    if (d.initial_scale < 0 || (d.initial_scale == 0 && !d.allow_zero_initial_scale))
        complain("initial-scale",
                 "initial-scale = " + std::to_string(d.initial_scale) +
                     ", must be at least 0 (or at least 1 when allow-zero-initial-scale is false)");
    if (d.min_scale < 0)
        complain("min-scale", "min-scale = " + std::to_string(d.min_scale) + ", must be at least 0");
    const int least = d.max_scale_limit > 0 ? 1 : 0;
    if (d.max_scale < least || (d.max_scale_limit > 0 && d.max_scale > d.max_scale_limit))
        complain("max-scale", "max-scale = " + std::to_string(d.max_scale) + ", must be in [" +
                                  std::to_string(least) + ", max-scale-limit(" +
                                  std::to_string(d.max_scale_limit) + ")] range");
    if (d.max_scale_limit < 0)
        complain("max-scale-limit",
                 "max-scale-limit = " + std::to_string(d.max_scale_limit) + ", must be at least 0");
    if (d.min_scale > d.max_scale && d.max_scale > 0)
        complain("min-scale", "min-scale (" + std::to_string(d.min_scale) +
                                  ") must be less than max-scale (" + std::to_string(d.max_scale) + ")");
}

}  // namespace

ClusterDefaults read_cluster_defaults(const Annotations& data, Problems& problems) {
    ClusterDefaults defaults;
    std::vector<std::string_view> names;
    for (const auto& key : known_keys) names.push_back(key.name);
    bool parsed = true;
    for (const auto& [name, entry] : data) {
        if (name == "_example") continue;
        const auto key = std::ranges::find(known_keys, name, &Key::name);
        if (key == known_keys.end()) {
            problems.warning(entry.place, "data." + name + ": no key of config-autoscaler, ignored" +
                                              did_you_mean(name, names));
            continue;
        }
        const auto wanted = std::visit(Store{defaults, entry.value}, key->field);
        if (wanted.empty()) continue;
        problems.error(entry.value_place,
                       "data." + name + ": must be " + std::string(wanted) + ", not " + quote(entry.value));
        parsed = false;
    }
    // For legacy reasons Knative takes fractions too, so that 1 is 100 %.
    if (defaults.container_concurrency_target_percentage > 1)
        defaults.container_concurrency_target_percentage /= 100;
    if (!parsed) return defaults;
    validate(defaults, [&](std::string_view name, const std::string& text) {
        const auto entry = data.find(name);
        // A rule between two keys may be laid to the one that is not written.
        const auto& place = entry != data.end() ? entry->second.value_place : data.begin()->second.place;
        problems.error(place, "data." + std::string(name) + ": " + text);
    });
    return defaults;
}

}  // namespace manifest
