// The autoscaler of one revision, as the control loop uses it: windows, decision and replicas in one object.
// Pure: the time is given with each call.
//
// Time. Seconds are counted on the same steady clock as TimePoint (second_of). Give the moment for which a
// tick was planned rather than the moment at which it ran, so that a late tick does not shift what follows.
// One second of life:
//     record(second, load)    what was in flight in it; several times if need be, they add up
//     evaluate(ready, now)    on even seconds, and at any moment when wants_poke() says so
//     reconcile(ready, now)   every second, and after an evaluation out of turn
// A second without pods and without demand is not recorded at all: its zeros would count against the first
// request (Knative reports nothing for an idle revision either).
#pragma once

#include <optional>
#include <string>

#include "autoscaler/decide.hpp"
#include "autoscaler/scaler.hpp"
#include "autoscaler/windows.hpp"

namespace autoscaler {

// How a revision comes into this autoscaler's hands.
struct Start {
    enum class How {
        zero,     // was scaled to zero: the first request pokes
        fresh,    // new: initial-scale pods are wanted at once; min-scale, too, if greater
        steady,   // pods run and their number is right
        restart,  // pods run, but nothing is known about their load: none goes for a stable window
    };
    How how = How::zero;
    int pods = 0;   // that run; steady and restart
    int ready = 0;  // those of them that are ready; fresh and restart
};

class Revision {
public:
    Revision(const Settings&, TimePoint start, Start, Path = Path::always_proxy);

    // Pods run, at least one, and their number is right until something was measured: as Start::How::steady.
    void take_over(int pods, TimePoint now);

    // A live change: windows are resized as Knative does, everything else holds from the next evaluation on.
    void configure(const Settings&, TimePoint now);
    const Settings& settings() const { return settings_; }

    // Whether a route leads here. If none does, min-scale, retention, delay and the rate of scaling down
    // count no more.
    void set_reachable(bool reachable) { reachable_ = reachable; }

    // Averages over one second: requests in flight (waiting ones included), requests that came.
    void record(Second, double concurrency, double rps);

    // Decides anew. Without data the last decision stays in force; valid() tells.
    const Decision& evaluate(int ready_pods, TimePoint now, int starting_pods = 0);

    // The decision in force is 0 and somebody came: evaluate at once instead of on the next tick.
    bool wants_poke(double concurrency) const { return decision_.desired == 0 && concurrency > 0; }

    // What shall exist now. The reason is one sentence for people, decision and bounds together.
    Wish reconcile(int ready_pods, TimePoint now);

    // reconcile() in its two halves, for whoever knows the effect of the first before the second: replicas,
    // then activity and mode.
    int scale(TimePoint now);
    Wish settle(int ready_pods, TimePoint now);

    const Decision& decision() const { return decision_; }
    const std::optional<Averages>& averages() const { return averages_; }  // at the last evaluation
    bool valid() const { return averages_.has_value(); }
    bool panicking() const { return memory_.panic_since.has_value(); }
    int panic_pods() const { return memory_.panic_pods; }
    double excess_burst_capacity() const { return decision_.excess_burst_capacity; }
    const Standing& standing() const { return standing_; }

private:
    Asked asked() const { return {decision_.desired, decision_.excess_burst_capacity, reachable_}; }

    Settings settings_;
    bool reachable_ = true;
    Windows windows_;
    Memory memory_;
    Decision decision_;
    std::optional<Averages> averages_;
    Standing standing_;
    Wish wish_;
};

}  // namespace autoscaler
