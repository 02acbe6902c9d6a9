// What a snapshot says, for Prometheus: Knative's names where Knative has one, in both its generations, and
// ours with the prefix pilotlight_. Labels come from the configuration alone, so no client can make a series.
// Pure.
#pragma once

#include <string>

#include "proxy/control/snapshot.hpp"

namespace admin {

// Text exposition format 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats).
std::string render_metrics(const proxy::Snapshot&);

}  // namespace admin
