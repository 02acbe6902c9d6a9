// How often a peer may do what costs us more than him: a number in a span of time, given back steadily. Pure.
#pragma once

#include <algorithm>

#include "pods/pod.hpp"

namespace proxy {

class RateAllowance {
public:
    RateAllowance(std::size_t most, pods::TimePoint now)
        : most_(static_cast<double>(most)), left_(most_), seen_(now) {}

    bool take(pods::TimePoint now) {  // false: too often
        const std::chrono::duration<double> passed = now - seen_;
        seen_ = now;
        left_ = std::min(most_, left_ + most_ * (passed / span)) - 1;
        return left_ >= 0;
    }

private:
    static constexpr std::chrono::duration<double> span{10};
    double most_, left_;
    pods::TimePoint seen_;
};

}  // namespace proxy
