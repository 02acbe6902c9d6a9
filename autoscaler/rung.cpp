#include "autoscaler/rung.hpp"

#include <algorithm>
#include <cmath>

namespace autoscaler {

void Rung::fall(TimePoint now) {
    below_since_ = now;
}

void Rung::climb(TimePoint now) {
    if (below_since_) add(std::chrono::duration<double>(now - *below_since_).count());
    below_since_.reset();
}

void Rung::add(double gap) {
    if (gaps_.size() < remembered) {
        gaps_.push_back(gap);
    } else {
        sorted_.erase(std::ranges::lower_bound(sorted_, gaps_[next_]));
        gaps_[next_] = gap;
        next_ = (next_ + 1) % remembered;
    }
    sorted_.insert(std::ranges::upper_bound(sorted_, gap), gap);
    restart_ = -1;
}

const Keep& Rung::keep(double restart) const {
    if (restart_ >= 0 && std::abs(restart - restart_) <= 0.05 * restart_) return keep_;
    restart_ = restart;
    keep_.gaps = static_cast<int>(gaps_.size());
    keep_.learnt = gaps_.size() >= enough;
    keep_.cheapest = keep_.learnt ? cheapest_keep(sorted_, restart) : restart;
    keep_.seconds = keep_.cheapest;
    // A gap as long as the longest that pays should find the pod still there.
    if (keep_.learnt && keep_.cheapest > 0) keep_.seconds = std::min(restart, keep_.cheapest * 1.1 + 1);
    return keep_;
}

int Rung::longer_than(double length) const {
    return static_cast<int>(std::ranges::count_if(gaps_, [&](double gap) { return gap > length; }));
}

double cheapest_keep(std::span<const double> gaps, double restart) {
    const auto count = static_cast<double>(gaps.size());
    double best = 0, spanned = 0;
    auto cost_of_none = count * restart;
    for (const double gap : gaps)
        if (gap <= 0) cost_of_none -= restart;
    double least = cost_of_none;
    for (std::size_t i = 0; i < gaps.size() && gaps[i] <= restart; ++i) {
        spanned += gaps[i];
        if (i + 1 < gaps.size() && gaps[i + 1] == gaps[i]) continue;  // equals are spanned together
        const double cost = spanned + (count - static_cast<double>(i + 1)) * (gaps[i] + restart);
        if (cost < least) {
            least = cost;
            best = gaps[i];
        }
    }
    return best;
}

}  // namespace autoscaler
