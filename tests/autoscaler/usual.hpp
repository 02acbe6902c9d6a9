// What several tests of the autoscaler begin with.
#pragma once

#include "autoscaler/revision.hpp"

namespace autoscaler::test {

constexpr TimePoint at(Second second) {
    return TimePoint{std::chrono::seconds{second}};
}

inline Settings one_each() {  // a generation a pod, as the Stable Diffusion manifest has it
    Settings settings;
    settings.target = settings.total = 1;
    settings.max_scale = 10;
    return settings;
}

}  // namespace autoscaler::test
