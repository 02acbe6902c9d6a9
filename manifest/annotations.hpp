// The annotations of our own, and ACK's for session affinity: one table that reading, suggestions and the
// documentation share.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "manifest/configuration.hpp"
#include "manifest/fields.hpp"
#include "manifest/problem.hpp"

namespace manifest {

inline constexpr std::string_view own_prefix = "pilotlight.dev/";
inline constexpr std::string_view affinity_prefix = "serving.knative.dev.alibabacloud/";

struct AnnotationRule {
    std::string_view key;  // whole, with its prefix
    std::string_view meaning;
    std::string_view fallback;  // a value that changes nothing
    std::string_view valid;
    // False: the value is not valid. Null: it has lines, each with a place of its own, and is read elsewhere.
    bool (*apply)(std::string_view value, Service& service);
};
std::span<const AnnotationRule> annotation_rules();

// Applies what the annotations say; the template's win over the Service's own. Unknown ones under our prefix
// are errors; under ACK's they are foreign, with a warning where a known one was probably meant.
void apply_annotations(const Annotations& service_annotations, const Annotations& template_annotations,
                       Service& service, Problems& problems);

// Annotations of ours that mean nothing with this class draw a warning.
void warn_idle_annotations(const Annotations& annotations, autoscaler::Policy policy, Problems& problems);

// The tables of docs/configuration.md, in Markdown: what `pilotlight check --explain-annotations` prints.
std::string explain_annotations();

}  // namespace manifest
