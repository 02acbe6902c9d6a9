// Break-even scaling: how many pods, by what each costs against what it spares. A pod starts only for
// requests that the busy pods will not take soon; a starting pod is cancelled once nobody waits for it; an
// idle pod stays for as long as would have been cheapest over its rung's last 64 gaps, never longer than a
// restart is worth. Pure: settings, what is seen and the time come in, a choice with its reason comes out.
// docs/autoscaling.md says why.
//
// With containerConcurrency above 1 demand is reckoned in pods: slots that are wanted, divided and rounded
// up.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "autoscaler/cause.hpp"
#include "autoscaler/rung.hpp"
#include "autoscaler/settings.hpp"

namespace autoscaler {

struct PodSight {
    PodId pod{};
    bool ready = false;
    int leases = 0;
    TimePoint created;
    std::uint64_t uses = 0;  // grows with every use, so that a short one between two looks is no rest
};

struct Sight {
    int waiting = 0;               // requests that wait for a slot
    int running = 0;               // requests that hold one, on pods that leave too
    int slots = 1;                 // of a pod; 0: unlimited
    bool came = false;             // somebody did since the last look, and may be gone again
    bool reachable = true;         // false: no route leads here any more; floors stop counting
    std::vector<PodSight> pods{};  // those that are to stay
};

struct Choice {
    int pods = 0;                    // that shall stay or come
    std::vector<PodId> leaving{};    // idle for long enough; not among them
    int started = 0, cancelled = 0;  // the difference to what was seen
    std::optional<TimePoint> due;    // when to ask again if nothing happens before
    std::string reason;              // one sentence, when something changed; else empty
    Cause cause = Cause::idle;       // of that change
};

class BreakEven {
public:
    // Knative's initial scale is wanted until it was reached once.
    explicit BreakEven(bool wants_initial_scale = false) : initial_scale_reached_(!wants_initial_scale) {}

    // Measured: from a pod's creation to its first readiness, and how long a slot was held.
    void cold_start_took(Duration);
    void slot_held(Duration);

    // Call it on every arrival, completion, start and end, and when the last choice is due.
    Choice decide(const Settings&, const Sight&, TimePoint now);

    // Why the pods there are stay, as one sentence: "keeping pod 2 for 74 s more: its last 64 gaps make 81 s
    // the cheapest; a cold start costs 52 s + 45 s".
    std::string standing(const Settings&, TimePoint now) const;
    // How long the longest idle pod stays yet, as of the last decision; empty: none is on its way out.
    std::optional<double> keeps_for(const Settings&, TimePoint now) const;

    double cold_start(const Settings&) const;  // seconds, as believed now
    double service_time() const { return held_; }
    Keep keep(const Settings&, int rung) const;  // floors included

    // What a restart of the gateway should not forget, as text, and back. False: it is not such a text;
    // nothing changed.
    std::string learnt() const;
    bool restore(const std::string&);

private:
    struct Count {
        int demand = 0;          // pods' worth of requests, running and waiting
        int waiting = 0;         // pods' worth of requests that wait
        int idle = 0, busy = 0;  // ready pods
        int starting = 0;        // on their way, those that take too long not counted
        int late = 0;            // those that take too long
        int soon = 0;            // waiting requests that the busy pods take within the patience
        double within = 0;       // that patience, seconds
        int spare = 0;           // idle pods wanted beside
    };
    struct Resting {
        TimePoint since;
        std::uint64_t uses = 0;  // as of then
        std::uint64_t seen = 0;  // the round in which it was still there
    };
    struct Idle {
        PodId pod;
        TimePoint since;
    };

    void note_demand(int demand, int most_rungs, TimePoint now);
    Count count(const Settings&, const Sight&, TimePoint now);
    std::vector<Idle> idle_pods(const Sight&, TimePoint now);  // the longest first
    int floor(const Settings&, const Sight&, const Count&);
    void end_idle(const Settings&, const Sight&, const Count&, int floor, Choice&, TimePoint now);

    std::optional<double> cold_;  // seconds, weighted mean
    double held_ = 10;            // seconds, likewise
    std::vector<Rung> rungs_;     // the first is of pod 1
    int demand_ = 0;
    std::unordered_map<std::uint64_t, Resting> resting_;
    std::uint64_t round_ = 0;
    bool initial_scale_reached_;

    // For the standing sentence: as of the last decision.
    Count last_;
    int last_pods_ = 0, last_floor_ = 0;
    std::optional<TimePoint> oldest_idle_;
};

}  // namespace autoscaler
