// The table of autoscaling annotations, and which of two places counts.
#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "manifest/autoscaling.hpp"

namespace manifest {

namespace {

constexpr std::array keys{
    AutoscalingKey{"class", "", "Which autoscaler decides", "`kpa.autoscaling.knative.dev`",
                   "`kpa.autoscaling.knative.dev`, short `kpa`; `break-even.pilotlight.dev`"},
    AutoscalingKey{"metric", "", "What is measured", "`concurrency`", "`concurrency`, `rps`"},
    AutoscalingKey{"target", "", "What one pod is meant to carry, before utilization",
                   "containerConcurrency, or 100 if that is 0; 200 for rps",
                   "at least 0.01; counts up to containerConcurrency"},
    AutoscalingKey{"target-utilization-percentage", "targetUtilizationPercentage",
                   "How much of the target a pod is filled to", "70", "1 to 100"},
    AutoscalingKey{"target-burst-capacity", "targetBurstCapacity",
                   "Reported excess capacity is reckoned with it; the gateway stays in the path anyway",
                   "211", "at least 0, or -1 for unlimited"},
    AutoscalingKey{"min-scale", "minScale", "Fewest pods", "0", "whole number, at least 0"},
    AutoscalingKey{"max-scale", "maxScale", "Most pods; 0: no maximum", "0",
                   "whole number, at least min-scale"},
    AutoscalingKey{"initial-scale", "initialScale", "Pods that a new revision starts with", "1",
                   "at least 1, or 0 if config-autoscaler allows it"},
    AutoscalingKey{"activation-scale", "", "Fewest pods when there are any", "1",
                   "at least 2, within min and max"},
    AutoscalingKey{"window", "", "Stable window, over which demand is averaged", "60s",
                   "6s to 1h, whole seconds"},
    AutoscalingKey{"panic-window-percentage", "panicWindowPercentage",
                   "Panic window, in percent of the stable one", "10", "1 to 100"},
    AutoscalingKey{"panic-threshold-percentage", "panicThresholdPercentage",
                   "Load over capacity, in percent, from which on it is a panic", "200", "110 to 1000"},
    AutoscalingKey{"scale-down-delay", "scaleDownDelay", "Fewer pods only after so long", "0s",
                   "0s to 1h, whole seconds"},
    AutoscalingKey{"scale-to-zero-pod-retention-period", "scaleToZeroPodRetentionPeriod",
                   "How long the last pod stays without demand", "0s", "0s to 1h"},
    AutoscalingKey{"metric-aggregation-algorithm", "metricAggregationAlgorithm", "How a window is averaged",
                   "`linear`", "`linear`, `weighted-exponential`"},
};

const AutoscalingKey* known_key(std::string_view key) {
    if (!key.starts_with(autoscaling_prefix)) return nullptr;
    key.remove_prefix(autoscaling_prefix.size());
    const auto known = std::ranges::find_if(
        keys, [&](const AutoscalingKey& k) { return k.name == key || (!key.empty() && k.alias == key); });
    return known == keys.end() ? nullptr : &*known;
}

}  // namespace

std::span<const AutoscalingKey> autoscaling_keys() {
    return keys;
}

Annotations merge_autoscaling(const Annotations& service, const Annotations& revision_template) {
    Annotations merged = revision_template;
    for (const auto& [key, annotation] : service) {
        const auto* known = known_key(key);
        const auto in_template = [&](std::string_view spelling) {
            return !spelling.empty() &&
                   revision_template.contains(std::string(autoscaling_prefix) + std::string(spelling));
        };
        if (known && (in_template(known->name) || in_template(known->alias))) continue;
        merged.emplace(key, annotation);
    }
    return merged;
}

void warn_unknown_autoscaling(const Annotations& annotations, Problems& problems) {
    std::vector<std::string_view> spellings;
    for (const auto& key : keys) {
        spellings.push_back(key.name);
        if (!key.alias.empty()) spellings.push_back(key.alias);
    }
    for (const auto& [key, annotation] : annotations)
        if (key.starts_with(autoscaling_prefix) && !known_key(key)) {
            const auto name = std::string_view(key).substr(autoscaling_prefix.size());
            problems.warning(annotation.place, key + ": no annotation of Knative's autoscaler, ignored" +
                                                   did_you_mean(name, spellings));
        }
}

}  // namespace manifest
