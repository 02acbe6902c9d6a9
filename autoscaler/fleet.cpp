#include "autoscaler/fleet.hpp"

#include <algorithm>
#include <utility>

#include "autoscaler/words.hpp"

namespace autoscaler {
namespace {

using pods::Phase;
using Kind = Command::Kind;

bool has_process(const FleetPod& pod) {
    return pod.phase == Phase::running || pod.phase == Phase::terminating;
}

void enter(FleetPod& pod, Phase phase, TimePoint now) {
    if (pod.phase != phase) pod.since = now;
    pod.phase = phase;
}

void explain(FleetPod& pod, std::string reason, std::string message) {
    pod.reason = std::move(reason);
    pod.message = std::move(message);
}

void set_ready(FleetPod& pod, bool ready, TimePoint now) {
    pod.ready = ready;
    pod.ready_since = ready ? std::optional(now) : std::nullopt;
}

Command command(Kind kind, const FleetPod& pod) {
    return {kind, pod.id, pod.name};
}

template <class Predicate>
int count(const std::vector<FleetPod>& pods, Predicate predicate) {
    return static_cast<int>(std::count_if(pods.begin(), pods.end(), predicate));
}

std::chrono::seconds back_off(int failures) {
    auto delay = Fleet::first_back_off;
    for (int i = 1; i < failures && delay < Fleet::longest_back_off; ++i) delay *= 2;
    return std::min(delay, Fleet::longest_back_off);
}

}  // namespace

const char* to_string(Kind kind) {
    switch (kind) {
        case Kind::start:
            return "start";
        case Kind::admit:
            return "admit";
        case Kind::withdraw:
            return "withdraw";
        case Kind::drain:
            return "drain";
        case Kind::readmit:
            return "readmit";
        case Kind::stop:
            return "stop";
    }
    return "";
}

Fleet::Fleet(std::string prefix, std::function<PodId()> next_id)
    : prefix_(std::move(prefix)), next_id_(std::move(next_id)) {}

// --- events

void Fleet::started(PodId id, TimePoint now) {
    note_proven(now);
    FleetPod* pod = find(id);
    if (!pod || pod->phase != Phase::container_creating) return;
    enter(*pod, Phase::running, now);
    pod->promised = false;
    explain(*pod, "ContainersNotReady", "waits for its first successful readiness probe");
}

void Fleet::start_failed(PodId id, std::string reason, std::string message, TimePoint now) {
    note_proven(now);
    FleetPod* pod = find(id);
    if (!pod || pod->phase != Phase::container_creating) return;
    failed(*pod, Phase::error, std::move(reason), std::move(message), now);
}

void Fleet::passed(PodId id, TimePoint now) {
    note_proven(now);
    FleetPod* pod = find(id);
    if (!pod || !has_process(*pod) || pod->sick || pod->ready) return;
    set_ready(*pod, true, now);
    explain(*pod, "", "");
}

void Fleet::failed_probe(PodId id, TimePoint now) {
    note_proven(now);
    FleetPod* pod = find(id);
    if (!pod || !has_process(*pod) || !pod->ready) return;
    set_ready(*pod, false, now);
    explain(*pod, "ContainersNotReady", "failed its readiness probe");
}

void Fleet::unhealthy(PodId id, std::string why, TimePoint now) {
    note_proven(now);
    FleetPod* pod = find(id);
    if (!pod || pod->phase != Phase::running || pod->sick) return;
    set_ready(*pod, false, now);
    pod->sick = true;
    explain(*pod, "Unhealthy", std::move(why));
}

void Fleet::exited(PodId id, int code, std::string message, TimePoint now) {
    note_proven(now);
    FleetPod* pod = find(id);
    if (!pod || waiting(*pod)) return;
    if (pod->phase == Phase::terminating) return;  // stopped() follows, when all its processes are gone
    pod->exit_code = code;
    ++pod->restarts;
    failed(*pod, Phase::crash_loop_back_off, code == 0 ? "Completed" : "Error", std::move(message), now);
}

void Fleet::stopped(PodId id, TimePoint now) {
    note_proven(now);
    FleetPod* pod = find(id);
    if (!pod || pod->phase != Phase::terminating) return;
    if (pod->draining) return erase(*pod);
    ++pod->restarts;
    failed(*pod, Phase::crash_loop_back_off, pod->reason, pod->message, now);
}

void Fleet::still_busy(PodId id, TimePoint now) {
    FleetPod* pod = find(id);
    if (!pod || pod->phase != Phase::terminating || pod->sick) return;
    enter(*pod, Phase::running, now);
}

// The instance is gone and was not asked to go. Whoever stays gets another one, in place.
void Fleet::failed(FleetPod& pod, Phase phase, std::string reason, std::string message, TimePoint now) {
    if (pod.draining) return erase(pod);
    pod.promised = false;
    set_ready(pod, false, now);
    pod.admitted = pod.sick = false;
    pod.id = next_id_();
    explain(pod, std::move(reason), std::move(message));
    if (std::exchange(pod.proven, false)) {
        pod.failures = 0;
        pod.due.reset();
        enter(pod, Phase::pending, now);
        return;
    }
    const bool alone = count(pods_, serves) == 0;
    failures_ = alone ? failures_ + 1 : 0;
    pod.due = now + back_off(++pod.failures);
    enter(pod, phase, now);
}

// A pod that stays ready proves that pods of this revision can run: everybody's failures are forgotten then,
// once. A single bad place (a broken GPU) still backs off longer and longer beside healthy pods.
void Fleet::note_proven(TimePoint now) {
    for (FleetPod& pod : pods_) {
        if (pod.proven || !serves(pod) || now - *pod.ready_since < proven_after) continue;
        pod.proven = true;
        failures_ = 0;
        for (FleetPod& each : pods_) each.failures = 0;
    }
}

// --- an upgrade

PodId Fleet::promise(const FleetPod& as_it_was) {
    FleetPod pod = as_it_was;
    pod.id = next_id_();
    pod.name = prefix_ + "-" + std::to_string(pod.ordinal + 1);
    pod.phase = Phase::container_creating;
    pod.ready = pod.draining = false;
    pod.promised = true;
    explain(pod, "HandedOver", "works for the gateway before this one, which hands it over when it is done");
    const auto place = std::find_if(pods_.begin(), pods_.end(),
                                    [&](const FleetPod& other) { return other.ordinal > pod.ordinal; });
    const auto id = pod.id;
    pods_.insert(place, std::move(pod));
    return id;
}

void Fleet::handed_over(PodId id) {
    if (const FleetPod* pod = find(id)) erase(*pod);
}

// --- step

std::vector<Command> Fleet::step(const Plan& plan, const Loads& load, TimePoint now) {
    Commands commands;
    note_proven(now);
    stop_sick(commands, now);
    dismiss(plan.leaving, load, commands);
    choose(std::clamp(std::min(plan.wanted, plan.limit), 0, most_pods), load, commands, now);
    tell_readiness(commands);
    stop_drained(load, commands, now);
    start_waiting(plan, commands, now);
    if (pods_.empty()) failures_ = 0;
    return commands;
}

void Fleet::stop_sick(Commands& commands, TimePoint now) {
    for (FleetPod& pod : pods_) {
        if (!pod.sick || pod.phase != Phase::running) continue;
        if (std::exchange(pod.admitted, false)) commands.push_back(command(Kind::withdraw, pod));
        commands.push_back(command(Kind::stop, pod));
        enter(pod, Phase::terminating, now);
    }
}

// Those who are named and still idle: between the look and now somebody may have come.
void Fleet::dismiss(const std::vector<PodId>& leaving, const Loads& load, Commands& commands) {
    for (const PodId id : leaving)
        if (FleetPod* pod = find(id);
            pod && pod->phase == Phase::running && !pod->draining && load(id).leases == 0)
            leave(*pod, commands);
}

// Who stays. A draining pod is called back before another one is started, and takes the place of one that has
// no instance: the cheapest cold start there is.
void Fleet::choose(int keep, const Loads& load, Commands& commands, TimePoint now) {
    while (staying() > keep) leave(*next_to_leave(pods_, load), commands);
    while (staying() < keep) {
        FleetPod* back = next_to_stay(pods_);
        if (!back) break;
        stay(*back, commands);
    }
    for (FleetPod* back = next_to_stay(pods_); back && back->ready; back = next_to_stay(pods_)) {
        FleetPod* cold = next_to_leave(pods_, load);
        if (!cold || !(waiting(*cold) || cold->phase == Phase::terminating)) break;
        stay(*back, commands);  // before the other leaves, which may move pods in memory
        leave(*next_to_leave(pods_, load), commands);
    }
    while (staying() < keep) add(now);
}

void Fleet::tell_readiness(Commands& commands) {
    for (FleetPod& pod : pods_) {
        if (pod.draining || pod.phase != Phase::running || pod.admitted == pod.ready) continue;
        commands.push_back(command(pod.ready ? Kind::admit : Kind::withdraw, pod));
        pod.admitted = pod.ready;
    }
}

void Fleet::stop_drained(const Loads& load, Commands& commands, TimePoint now) {
    for (FleetPod& pod : pods_) {
        if (!pod.draining || pod.phase != Phase::running || load(pod.id).leases > 0) continue;
        commands.push_back(command(Kind::stop, pod));
        enter(pod, Phase::terminating, now);
    }
}

void Fleet::start_waiting(const Plan& plan, Commands& commands, TimePoint now) {
    int alive_now = alive(), may_start = plan.may_start, starting_now = starting();
    for (FleetPod& pod : pods_) {
        if (!waiting(pod) || (pod.due && *pod.due > now)) continue;
        pod.due.reset();
        if (alive_now >= plan.limit || may_start <= 0 || starting_now >= plan.max_starting) {
            enter(pod, Phase::pending, now);
            explain(pod, "Unschedulable",
                    starting_now >= plan.max_starting
                        ? "waits until one of those that start is ready: max-starting is " +
                              number(plan.max_starting)
                    : may_start <= 0 ? "waits for a free GPU"
                                     : "waits until a pod that leaves is gone: " + number(plan.limit) +
                                           " may exist at once");
            continue;
        }
        commands.push_back(command(Kind::start, pod));
        enter(pod, Phase::container_creating, now);
        explain(pod, "", "");
        ++alive_now;
        ++starting_now;
        --may_start;
    }
}

// --- who goes, who comes back

// A pod whose driver has not answered yet is stopped after the answer: a stop that overtakes its start finds
// nothing.
void Fleet::leave(FleetPod& pod, Commands& commands) {
    if (waiting(pod)) return erase(pod);
    pod.draining = true;
    if (std::exchange(pod.admitted, false)) commands.push_back(command(Kind::drain, pod));
}

void Fleet::stay(FleetPod& pod, Commands& commands) {
    pod.draining = false;
    if (!pod.ready) return;  // admitted when it is
    commands.push_back(command(Kind::readmit, pod));
    pod.admitted = true;
}

void Fleet::add(TimePoint now) {
    int ordinal = 0;
    auto place = pods_.begin();
    for (; place != pods_.end() && place->ordinal == ordinal; ++place) ++ordinal;
    FleetPod pod;
    pod.ordinal = ordinal;
    pod.name = prefix_ + "-" + std::to_string(ordinal + 1);
    pod.id = next_id_();
    pod.created = pod.since = now;
    pods_.insert(place, std::move(pod));
}

void Fleet::erase(const FleetPod& pod) {
    pods_.erase(pods_.begin() + (&pod - pods_.data()));
}

FleetPod* Fleet::find(PodId id) {
    const auto found =
        std::find_if(pods_.begin(), pods_.end(), [&](const FleetPod& pod) { return pod.id == id; });
    return found == pods_.end() ? nullptr : &*found;
}

// --- looking

std::optional<TimePoint> Fleet::next_due() const {
    std::optional<TimePoint> next;
    for (const FleetPod& pod : pods_)
        if (pod.due && (!next || *pod.due < *next)) next = pod.due;
    return next;
}

int Fleet::ready() const {
    return count(pods_, [](const FleetPod& p) { return p.ready && !p.draining; });
}
int Fleet::starting() const {
    return count(pods_, [](const FleetPod& p) { return can_serve_again(p) && !p.ready && !p.draining; });
}
int Fleet::draining() const {
    return count(pods_, [](const FleetPod& p) { return p.draining; });
}
int Fleet::alive() const {
    return count(pods_, [](const FleetPod& p) { return !waiting(p); });
}
int Fleet::staying() const {
    return count(pods_, [](const FleetPod& p) { return !p.draining; });
}

bool Fleet::crash_looping() const {
    return failures_ >= failures_that_loop && count(pods_, serves) == 0;
}

}  // namespace autoscaler
