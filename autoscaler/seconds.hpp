// Durations as plain numbers of seconds, to calculate with.
#pragma once

#include <chrono>

#include "pods/pod.hpp"

namespace autoscaler {

inline double in_seconds(pods::Duration duration) {
    return std::chrono::duration<double>(duration).count();
}

inline pods::Duration of_seconds(double count) {
    return std::chrono::duration_cast<pods::Duration>(std::chrono::duration<double>(count));
}

}  // namespace autoscaler
