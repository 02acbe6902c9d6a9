// One revision's scaling, whole: what the pool has seen goes to the rule of its class, Knative's or ours, and
// the fleet says what to do about it. The gateway's control loop and `pilotlight simulate` both run this, one
// on the clock and one in virtual time. Pure: the time is given with each call.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "autoscaler/break_even.hpp"
#include "autoscaler/fleet.hpp"
#include "autoscaler/revision.hpp"

namespace autoscaler {

// What a pool says of its requests; the sums count since it began.
struct Seen {
    double demand_seconds = 0;   // of waiting and running requests
    std::uint64_t arrivals = 0;  // requests that came
    double held_seconds = 0;     // of slots that were given back, and how many those are
    std::uint64_t served = 0;
    int waiting = 0;  // now
    int running = 0;
};

// What bounds a step beside the settings.
struct Room {
    int limit = Plan::unbounded;       // pods alive at once
    int may_start = Plan::unbounded;   // how many more the GPUs allow
    std::optional<LocalTime> local{};  // the wall clock, for warm hours; empty: they do not count
};

// A change of how many pods are wanted.
struct Step {
    int from = 0, to = 0;
    Cause cause = Cause::start;
    std::string sentence;
    TimePoint at{};
};

class Controller {
public:
    // slots: of a pod, 0 for unlimited. Pods are named <prefix>-1, ...
    Controller(const Settings&, int slots, std::string prefix, std::function<PodId()> next_id, TimePoint now,
               Start);

    void configure(const Settings&, int slots, TimePoint now);  // live, a change of class included
    const Settings& settings() const { return settings_; }
    void retire();  // no route leads here any more: what runs is finished, nothing is kept

    // Call it every second at least while there are pods or requests, after every change, and when it is due.
    std::vector<Command> step(const Seen&, const Loads&, const Room&, TimePoint now);
    // When step() has something to do by itself, other than Knative's seconds.
    std::optional<TimePoint> next_due() const;
    // Whether those seconds matter: nothing is left to average or to scale down otherwise.
    bool counts_seconds() const;

    // Events of pods go to the fleet itself; a measured cold start is told here.
    Fleet& fleet() { return fleet_; }
    const Fleet& fleet() const { return fleet_; }
    void cold_start_took(Duration took) { ours_.cold_start_took(took); }

    int wanted() const { return wanted_; }    // pods, in the last step
    int desired() const { return desired_; }  // before what a retiring revision needs still
    std::string reason(TimePoint now) const;  // for what is wanted now, one sentence
    // The last change of what is wanted, as one sentence; taken once.
    std::optional<std::string> take_change() { return std::exchange(change_, std::nullopt); }

    // For those who watch: the last step, and how many there were of each kind.
    const std::optional<Step>& last_step() const { return last_step_; }
    std::uint64_t steps(Cause cause, bool up) const {
        return steps_[static_cast<std::size_t>(cause)][up ? 1 : 0];
    }
    // How long the longest idle pod is kept yet; empty: Knative's class, or none is on its way out.
    std::optional<double> keeps_for(TimePoint now) const {
        return settings_.policy == Policy::kpa ? std::nullopt : ours_.keeps_for(in_force_, now);
    }
    double believed_cold_start() const { return ours_.cold_start(in_force_); }  // seconds

    const Revision& knative() const { return scaler_; }
    const BreakEven& break_even() const { return ours_; }
    bool restore(const std::string& learnt) { return ours_.restore(learnt); }

private:
    void look_at_clock(const std::optional<LocalTime>&, TimePoint now);
    void account(const Seen&, TimePoint now);
    void poke_while_cold(const Seen&, TimePoint now);
    void reconcile(TimePoint planned);
    void measure(const Seen&);
    Sight sight(const Seen&, const Loads&) const;
    void want(int pods, const std::string& reason, Cause, TimePoint now);

    Settings settings_;               // as they were given
    Settings in_force_;               // with the warm hours of now
    std::optional<LocalTime> local_;  // that in_force_ was made for
    std::optional<TimePoint> next_minute_;
    int slots_;
    Revision scaler_;
    BreakEven ours_;
    Fleet fleet_;
    Wish wish_;
    bool retired_ = false;
    int desired_ = 0, wanted_ = 0;
    std::optional<TimePoint> due_;
    std::optional<std::string> change_;
    std::optional<Step> last_step_;
    std::array<std::array<std::uint64_t, 2>, causes> steps_{};

    // Accounting of the second under way.
    Second second_;
    TimePoint counted_from_;
    Seen counted_;
    double pushed_ = 0;  // already reported of this second
    double held_seconds_ = 0;
    std::uint64_t served_ = 0;
    std::uint64_t arrivals_ = 0;  // as of the last decision of ours
};

}  // namespace autoscaler
