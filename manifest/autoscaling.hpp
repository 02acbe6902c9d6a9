// Knative's autoscaling annotations -> the settings of the autoscaler, by Knative's rules and in its words
// (Knative v1.23: pkg/apis/autoscaling/annotation_validation.go, register.go,
// pkg/reconciler/autoscaling/resources/target.go, metric.go).
#pragma once

#include <span>
#include <string_view>

#include "autoscaler/settings.hpp"
#include "manifest/cluster_defaults.hpp"
#include "manifest/fields.hpp"
#include "manifest/problem.hpp"

namespace manifest {

// One annotation: how it is written, and what the documentation says of it.
struct AutoscalingKey {
    std::string_view name;   // kebab-case, without the prefix
    std::string_view alias;  // camelCase, or empty; `name` wins if both are there
    std::string_view meaning;
    std::string_view fallback;
    std::string_view valid;
};
inline constexpr std::string_view autoscaling_prefix = "autoscaling.knative.dev/";
inline constexpr std::string_view progress_deadline_key = "serving.knative.dev/progress-deadline";
std::span<const AutoscalingKey> autoscaling_keys();

// The annotations that count: the template's, then the Service's own for what the template leaves open,
// whichever way it is spelt.
Annotations merge_autoscaling(const Annotations& service, const Annotations& revision_template);

// Keys under the prefix that are none draw a warning with a suggestion: Knative ignores them in silence.
void warn_unknown_autoscaling(const Annotations& annotations, Problems& problems);

// All that is wrong is told to `problems`; a wrong value then counts as not written.
autoscaler::Settings resolve(const Annotations& annotations, const ClusterDefaults& defaults,
                             int container_concurrency, Problems& problems);

}  // namespace manifest
