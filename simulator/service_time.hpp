// How long generations take. Pure: the generator is seeded.
#pragma once

#include <cmath>
#include <random>

#include "simulator/options.hpp"

namespace simulator {

class ServiceTime {
public:
    ServiceTime(const Options& options, std::uint64_t seed)
        : distribution_(options.distribution),
          mean_(options.service),
          sigma_(std::sqrt(std::log1p(options.cv * options.cv))),
          trace_(options.trace),
          random_(seed) {}

    // Seconds before --time-scale. The mean is --service whatever the spread: a lognormal's location
    // is ln(mean) - sigma^2 / 2.
    double draw() {
        switch (distribution_) {
            case Distribution::fixed:
                return mean_;
            case Distribution::lognormal:
                if (sigma_ <= 0) return mean_;
                return std::lognormal_distribution<>(std::log(mean_) - sigma_ * sigma_ / 2, sigma_)(random_);
            case Distribution::exponential:
                return std::exponential_distribution<>(1 / mean_)(random_);
            case Distribution::trace:
                return trace_[next_++ % trace_.size()];
        }
        return mean_;
    }

private:
    Distribution distribution_;
    double mean_;
    double sigma_;
    std::vector<double> trace_;
    std::size_t next_ = 0;
    std::mt19937_64 random_;
};

}  // namespace simulator
