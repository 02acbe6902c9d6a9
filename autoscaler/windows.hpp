// What a revision was asked to do lately: one-second buckets and the averages that Knative decides by
// (Knative v1.23, pkg/autoscaler/aggregation/bucketing.go). Pure; a second is a number that the caller gives.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "autoscaler/settings.hpp"

namespace autoscaler {

// A whole second of the clock that TimePoint belongs to. Steady, so the wall clock may jump.
using Second = std::int64_t;

// The second in which a moment lies.
constexpr Second second_of(TimePoint t) {
    return std::chrono::floor<seconds>(t.time_since_epoch()).count();
}

// One window over one metric: a ring with a bucket for each of its seconds.
class Window {
public:
    explicit Window(seconds length);

    // Several values of one second add up. A second inside the window may be told late; what is older is
    // dropped.
    void record(Second, double value);

    // Keeps the newest buckets. As in Knative the first second is then taken to lie one old window back, even
    // when nothing was recorded that early.
    void resize(seconds length, Second now);

    // No second within the last window was recorded. A record exactly one window old still counts.
    bool empty(Second now) const;

    // Seconds that were skipped between two records count as zero; those after the last record are left out.
    // Linear is rounded to 6 decimals, half away from zero, so that no residue becomes a pod in ceil();
    // weighted exponential is neither rounded nor scaled up while the window is not full.
    double average(Aggregation, Second now) const;

private:
    double linear(Second behind) const;
    double weighted(Second behind) const;
    Second length() const { return static_cast<Second>(buckets_.size()); }
    double& bucket(Second s) { return buckets_[index(s)]; }
    double bucket(Second s) const { return buckets_[index(s)]; }
    std::size_t index(Second s) const {
        return static_cast<std::size_t>((s % length() + length()) % length());
    }
    void clear();

    std::vector<double> buckets_;  // never empty; second s lies in bucket s modulo its size
    std::optional<Second> first_;  // written since the ring was last emptied
    std::optional<Second> last_;   // newest written, ever
};

struct Averages {
    double stable = 0;
    double panic = 0;

    friend bool operator==(const Averages&, const Averages&) = default;
};

// The four windows of a revision. Both metrics are kept, so that a live change of `metric` finds its past.
class Windows {
public:
    explicit Windows(const Settings&);

    void record(Second, double concurrency, double rps);
    void resize(const Settings&, Second now);

    // Of the metric that the settings name. Empty when there are no data; with an unlimited burst capacity
    // (-1) no data mean zero (pkg/autoscaler/metrics/collector.go: nothing is scraped then).
    std::optional<Averages> averages(const Settings&, Second now) const;

private:
    struct Pair {
        Window stable, panic;
    };
    Pair concurrency_, rps_;
};

}  // namespace autoscaler
