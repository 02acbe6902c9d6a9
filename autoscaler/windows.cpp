#include "autoscaler/windows.hpp"

#include <algorithm>
#include <cmath>

namespace autoscaler {

Window::Window(seconds length) : buckets_(static_cast<std::size_t>(std::max<Second>(1, length.count()))) {}

void Window::clear() {
    std::fill(buckets_.begin(), buckets_.end(), 0.0);
}

void Window::record(Second second, double value) {
    if (last_ && second <= *last_ - length()) return;
    if (!first_ || second < *first_) first_ = second;
    if (!last_) last_ = second;
    if (second - *last_ >= length()) {
        clear();
        first_ = second;
    } else {
        for (Second s = *last_ + 1; s <= second; ++s) bucket(s) = 0;
    }
    last_ = std::max(*last_, second);
    bucket(second) += value;
}

void Window::resize(seconds length_wanted, Second now) {
    Window resized(length_wanted);
    if (resized.length() == length()) return;
    resized.last_ = last_;
    if (last_ && now - *last_ <= length()) {
        const Second kept = std::min(length(), resized.length());
        for (Second s = *last_ - kept + 1; s <= *last_; ++s) resized.bucket(s) = bucket(s);
        resized.first_ = *last_ - (length() - 1);
    }
    *this = std::move(resized);
}

bool Window::empty(Second now) const {
    return !last_ || now - *last_ > length();
}

double Window::average(Aggregation aggregation, Second now) const {
    if (!last_ || !first_) return 0;
    const Second behind = std::max<Second>(0, now - *last_);
    return aggregation == Aggregation::linear ? linear(behind) : weighted(behind);
}

// Knative keeps the sum incrementally; summing anew costs nothing at one reading in two seconds and leaves no
// drift.
double Window::linear(Second behind) const {
    if (behind >= length()) return 0;
    const Second used = length() - behind;
    double sum = 0;
    for (Second s = *last_ - used + 1; s <= *last_; ++s) sum += bucket(s);
    const double mean = sum / static_cast<double>(std::min(*last_ - *first_ + 1, used));
    return std::round(mean * 1e6) / 1e6;
}

double Window::weighted(Second behind) const {
    if (behind > length()) return 0;
    // The oldest bucket weighs a ten-thousandth of the newest; short windows do not fall faster than 0.8 a
    // second.
    const double c = std::max(0.2, 1 - std::pow(0.0001, 1 / static_cast<double>(length())));
    double weight = c * std::pow(1 - c, static_cast<double>(behind));
    double sum = 0;
    for (Second s = *last_; s > *last_ - (length() - behind); --s) {
        sum += bucket(s) * weight;
        weight *= 1 - c;
    }
    return sum;
}

Windows::Windows(const Settings& s)
    : concurrency_{Window(s.stable_window), Window(s.panic_window)},
      rps_{Window(s.stable_window), Window(s.panic_window)} {}

void Windows::record(Second second, double concurrency, double rps) {
    concurrency_.stable.record(second, concurrency);
    concurrency_.panic.record(second, concurrency);
    rps_.stable.record(second, rps);
    rps_.panic.record(second, rps);
}

void Windows::resize(const Settings& s, Second now) {
    for (Pair* pair : {&concurrency_, &rps_}) {
        pair->stable.resize(s.stable_window, now);
        pair->panic.resize(s.panic_window, now);
    }
}

std::optional<Averages> Windows::averages(const Settings& s, Second now) const {
    const Pair& pair = s.metric == Metric::concurrency ? concurrency_ : rps_;
    const bool no_data_is_zero = s.target_burst_capacity == -1;
    if (pair.stable.empty(now) && !no_data_is_zero) return std::nullopt;
    return Averages{pair.stable.average(s.aggregation, now), pair.panic.average(s.aggregation, now)};
}

}  // namespace autoscaler
