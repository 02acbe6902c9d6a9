// How many pods, and why: Knative's rule (v1.23, pkg/autoscaler/scaling/autoscaler.go, Scale) as a function
// over what was seen, what the last decision left, and the time. Bounds and scale to zero: scaler.hpp.
#pragma once

#include <deque>
#include <optional>
#include <string>

#include "autoscaler/settings.hpp"
#include "autoscaler/windows.hpp"

namespace autoscaler {

struct Observed {
    Averages average;
    int ready_pods = 0;
    bool reachable = true;  // false: no route leads to the revision any more; rates and delay stop counting
    int starting_pods = 0;  // on their way; they count only with panic_counts_starting
};

// What made the number that a decision says.
enum class Rule {
    undecided,         // nothing was seen yet
    given,             // in force from the start, before anything was seen
    stable,            // the average over the stable window
    panic,             // the average over the panic window, in panic
    panic_hold,        // panic never shrinks
    activation_scale,  // the smallest scale that is not zero
    scale_down_delay,  // more was wanted within the delay
};

// What kept a decision from its average: rates are relative to the ready pods.
enum class Limit { none, max_scale_up_rate, max_scale_down_rate };

struct Decision {
    int desired = -1;                  // pods, before bounds; -1: undecided
    double excess_burst_capacity = 0;  // requests that could still come at once; negative: that many too few
    Rule rule = Rule::undecided;
    Limit limit = Limit::none;
    bool panic = false;  // in panic mode
    // The numbers behind it, for the sentence.
    Averages average;
    int ready_pods = 0;
    int before_limit = 0;  // pods that the average alone wants
    double target = 0;     // per pod
    Metric metric = Metric::concurrency;
    seconds window{0};  // that the rule looked at

    friend bool operator==(const Decision&, const Decision&) = default;
};

// The most that was wanted in the last so many two-second slots, the current one included
// (pkg/autoscaler/aggregation/max/window.go).
class DelayWindow {
public:
    int record(TimePoint now, int pods, seconds delay);

private:
    struct Slot {
        Second number;
        int pods;
    };
    std::deque<Slot> slots_;  // at most one a slot of the delay
};

// All that one decision leaves to the next.
struct Memory {
    std::optional<TimePoint> panic_since;  // the last moment over the threshold; empty: calm
    int panic_pods = 0;                    // the most wanted in this panic
    DelayWindow delayed;
};

Decision decide(const Settings&, const Observed&, Memory&, TimePoint now);

// Excess burst capacity before the first decision.
double initial_burst_capacity(const Settings&);

// One sentence: "panic: 5 in flight over 6 s want 5 pods at target 1".
std::string sentence(const Decision&);

}  // namespace autoscaler
