// The life of each pod of one revision: waiting, starting, running, draining, stopping, and back-off after
// failures. Pure: events come in with their time, step() says what to do. Whoever calls it carries the
// commands out and reports what came of them as further events; those about instances that are gone are
// ignored.
//
// Promises, checked by the simulation after every step:
//   - a start never makes more pods alive than the limit; what stops still counts until it is gone
//   - a pod that holds a lease is not stopped, unless it is unhealthy
//   - a busy pod is not drained while an idle one is kept
//   - every instance that was started is asked to stop, once and after the answer to its start, or has ended
#pragma once

#include <chrono>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "autoscaler/fleet_pod.hpp"

namespace autoscaler {

struct Command {
    enum class Kind {
        start,     // make this instance; answered by started, start_failed (or exited)
        admit,     // the pool may give it work
        withdraw,  // no new work until admitted again: its readiness went
        drain,     // no new work: it leaves
        readmit,   // it stays after all
        stop,      // end it; answered by stopped, or by still_busy
    };
    Kind kind;
    PodId pod;
    std::string name;
};

const char* to_string(Command::Kind);

struct Plan {
    static constexpr int unbounded = std::numeric_limits<int>::max();
    int wanted = 0;
    int limit = unbounded;         // pods alive at once, those that leave included: max-scale
    int may_start = unbounded;     // how many more the GPUs allow
    int max_starting = unbounded;  // how many may be on their way to ready at once
    std::vector<PodId> leaving{};  // these go, whoever else does: they are not among the wanted
};

class Fleet {
public:
    static constexpr std::chrono::seconds proven_after{10};
    static constexpr std::chrono::seconds first_back_off{1};
    static constexpr std::chrono::seconds longest_back_off{60};
    static constexpr int failures_that_loop = 5;
    static constexpr int most_pods = 1000;  // that are kept, whatever the plan says: memory is bounded

    // Pods are named <prefix>-1, <prefix>-2 ...; a new one takes the lowest number that is free.
    Fleet(std::string prefix, std::function<PodId()> next_id);

    void started(PodId, TimePoint now);
    void start_failed(PodId, std::string reason, std::string message, TimePoint now);
    void passed(PodId, TimePoint now);        // readiness came
    void failed_probe(PodId, TimePoint now);  // readiness went
    void unhealthy(PodId, std::string why,
                   TimePoint now);  // liveness or start-up failed for good: kill and restart
    void exited(PodId, int code, std::string message, TimePoint now);
    void stopped(PodId, TimePoint now);

    // The stop was not carried out: a lease was granted between the look at the pod and the drain. It keeps
    // draining.
    void still_busy(PodId, TimePoint now);

    // An upgrade: a pod that another gateway has and will hand over, told by started() and passed(), or by
    // exited(); it counts as alive until then. And one that was handed over to another gateway: it is no
    // longer ours.
    PodId promise(const FleetPod& as_it_was);
    void handed_over(PodId);

    // What to do now, in this order. Call it after every event, every change of the plan, and at next_due();
    // while pods drain, also when a lease ends.
    std::vector<Command> step(const Plan&, const Loads&, TimePoint now);

    // When step() has something to do by itself: a back-off ends.
    std::optional<TimePoint> next_due() const;

    const std::vector<FleetPod>& pods() const { return pods_; }  // by ordinal
    int ready() const;                                           // that take new work
    int starting() const;  // on their way to ready; waiting ones not counted
    int draining() const;
    int alive() const;  // that hold a GPU: from the start command until stopped, exited or start_failed

    // Failures in a row without any pod ready: nobody should wait for this revision now. Ends when a pod is
    // ready, or when no pod is left, so that the next demand tries again.
    bool crash_looping() const;

private:
    using Commands = std::vector<Command>;

    FleetPod* find(PodId);
    void note_proven(TimePoint now);
    void failed(FleetPod&, pods::Phase, std::string reason, std::string message, TimePoint now);
    void erase(const FleetPod&);
    void add(TimePoint now);

    void stop_sick(Commands&, TimePoint now);
    void dismiss(const std::vector<PodId>&, const Loads&, Commands&);
    void choose(int keep, const Loads&, Commands&, TimePoint now);
    void tell_readiness(Commands&);
    void stop_drained(const Loads&, Commands&, TimePoint now);
    void start_waiting(const Plan&, Commands&, TimePoint now);

    void leave(FleetPod&, Commands&);
    void stay(FleetPod&, Commands&);
    int staying() const;

    std::string prefix_;
    std::function<PodId()> next_id_;
    std::vector<FleetPod> pods_;
    int failures_ = 0;  // of all pods together, in a row, while none was ready
};

}  // namespace autoscaler
