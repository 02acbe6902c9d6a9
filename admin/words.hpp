// How Kubernetes writes times and ages. Pure.
#pragma once

#include <chrono>
#include <string>

#include "proxy/control/snapshot.hpp"

namespace admin {

using proxy::WallTime;

// "5s", "2m13s", "3h": as kubectl's AGE (k8s.io/apimachinery pkg/util/duration HumanDuration).
std::string human_duration(std::chrono::nanoseconds);

// The age of something made at `created`; "<unknown>" for something that has no time.
std::string age(WallTime created, WallTime now);

// "2026-01-31T12:00:00Z", the only form that metadata.creationTimestamp has.
std::string rfc3339(WallTime);

}  // namespace admin
