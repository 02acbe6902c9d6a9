// A revision's part in an upgrade: its pods go to the next gateway as they fall idle, or come from the one
// before.
#include <fmt/format.h>

#include <boost/asio.hpp>

#include "proxy/control/revision.hpp"

namespace proxy {
namespace {

// So long the last pod waits for requests whose body is not there yet; the next gateway's clients wait with
// it.
constexpr std::chrono::seconds for_slow_uploads{30};

std::size_t all_of(std::size_t waiting) {
    return waiting;
}

}  // namespace

// --- the old gateway's side

OldPod Revision::old_pod(const autoscaler::FleetPod& pod, TimePoint now) const {
    OldPod old;
    old.service = settings_.name_space + "/" + settings_.name;
    old.name = pod.name;
    old.ordinal = pod.ordinal;
    old.restarts = pod.restarts;
    const auto created = std::chrono::system_clock::now() -
                         std::chrono::duration_cast<std::chrono::system_clock::duration>(now - pod.created);
    old.created = std::chrono::duration_cast<std::chrono::nanoseconds>(created.time_since_epoch()).count();
    old.stays = !retiring_ && !pod.draining && !pod.sick && pod.phase != pods::Phase::terminating;
    if (const auto found = running_.find(pod.id); found != running_.end()) {
        old.uid = found->second.uid;
        old.started = found->second.started;
        old.ready = pod.ready && found->second.backend != nullptr;
        old.stays = old.stays && !found->second.stopping;
    }
    return old;
}

std::vector<OldPod> Revision::old_pods(TimePoint now) const {
    std::vector<OldPod> all;
    for (const auto& pod : fleet().pods())
        if (running_.contains(pod.id)) all.push_back(old_pod(pod, now));
    return all;
}

void Revision::tell_sessions(PodTaker& taker) const {
    for (const auto& pod : fleet().pods())
        if (running_.contains(pod.id)) taker.sessions(pod.name, gate_->sessions_of(pod.id));
}

bool Revision::is_settled() const {
    for (const auto& pod : fleet().pods())
        if (pod.phase == pods::Phase::container_creating && !pod.promised) return false;
    return true;
}

// While somebody waits here, or comes to wait, one pod stays: whoever came first is served first.
void Revision::hand_over_idle(TimePoint now) {
    if (context_.taker == nullptr) return;
    const bool has_time = now - context_.handing_over_since < for_slow_uploads;
    const bool needed = usage_.waiting > 0 || (has_time && gate_->unplaced > 0);
    std::vector<PodId> all;
    for (const auto& [id, running] : running_)
        if (!running.stopping) all.push_back(id);
    auto left = all.size();
    if (left == 0 && usage_.waiting > 0) gate_->shed(all_of, Refusal::unavailable, now);
    for (const auto id : all) {
        if (gate_->leases(id) > 0) continue;
        auto& running = running_.at(id);
        const auto* pod = fleet_pod(id);
        const bool leaves = retiring_ || pod == nullptr || pod->draining || pod->sick;
        if (!leaves && needed && left == 1) continue;
        gate_->drain(id, now);
        if (gate_->leases(id) > 0) {  // granted since the look
            if (!leaves && running.backend) gate_->admit(running.backend, now);
            continue;
        }
        if (leaves) {
            ++stopping_;
            running.stopping = true;
            asio::co_spawn(context_.io, stop(shared_from_this(), id, settings_.termination_grace),
                           asio::detached);
        } else if (!hand_over(id, running, now)) {
            if (running.backend) gate_->admit(running.backend, now);
            return;  // nobody takes it: control will hear of that
        }
        --left;
    }
}

bool Revision::hand_over(PodId id, Running& running, TimePoint now) {
    const auto old = old_pod(*fleet_pod(id), now);
    auto handed = context_.driver.release(id);
    if (!handed) return false;
    if (!context_.taker->take(old, *handed)) {
        context_.driver.adopt(spec_of(id, old.name), std::move(*handed));
        return false;
    }
    context_.taker->sessions(old.name, gate_->sessions_of(id));
    running.prober.reset();
    forget(id, now);
    fleet().handed_over(id);
    context_.changed();
    return true;
}

// --- the new gateway's side

void Revision::promise(const OldPod& old, TimePoint now) {
    autoscaler::FleetPod pod;
    pod.ordinal = old.ordinal;
    pod.restarts = old.restarts;
    const auto age =
        std::chrono::system_clock::now().time_since_epoch() - std::chrono::nanoseconds(old.created);
    pod.created = now - std::max<Duration>(std::chrono::duration_cast<Duration>(age), Duration{});
    pod.since = now;
    const auto id = fleet().promise(pod);
    promised_[old.name] = id;
    context_.driver.promise(id, old.started);
    if (!old.ready) return;
    Running as_it_is;
    as_it_is.started = old.started;
    as_it_is.uid = old.uid;
    gate_->expect(make_backend(id, as_it_is, now), now);  // what takes no slot finds it
}

bool Revision::adopt(const OldPod& old, pods::Handed& handed, TimePoint now) {
    const auto found = promised_.find(old.name);
    if (found == promised_.end()) return false;
    const auto id = found->second;
    promised_.erase(found);
    const auto* named = fleet_pod(id);
    if (named == nullptr) return false;
    auto& running = running_[id];
    running.started = old.started;
    running.wanted = running.asked = running.made = running.explained = now;
    running.created =
        WallTime(std::chrono::duration_cast<WallTime::duration>(std::chrono::nanoseconds(old.created)));
    running.uid = old.uid;
    context_.driver.adopt(spec_of(id, old.name), std::move(handed));
    context_.events.normal(settings_.name_space, "Pod", old.name, "HandedOver",
                           "Taken over from the gateway before this one");
    fleet().started(id, now);
    if (old.ready) {  // a fact, and no cold start of ours
        running.backend = make_backend(id, running, now);
        if (!named->draining) gate_->admit(running.backend, now);
        fleet().passed(id, now);
    }
    begin_probing(id, running);
    context_.changed();
    return true;
}

bool Revision::settle(const std::string& pod_name, const OldSessions& sessions, TimePoint now) {
    for (const auto& pod : fleet().pods()) {
        if (pod.name != pod_name || !(running_.contains(pod.id) || pod.promised)) continue;
        gate_->settle(pod.id, sessions, now);
        return true;
    }
    return false;
}

bool Revision::gone(const std::string& pod_name, TimePoint now) {
    bool any = false;
    for (auto each = promised_.begin(); each != promised_.end();) {
        if (!pod_name.empty() && each->first != pod_name) {
            ++each;
            continue;
        }
        context_.driver.forget_promise(each->second);
        gate_->forget(each->second, now);
        fleet().exited(each->second, 0, "ended with the gateway before this one", now);
        each = promised_.erase(each);
        any = true;
    }
    if (any) context_.changed();
    return any;
}

// --- both

pods::PodSpec Revision::spec_of(PodId id, const std::string& pod_name) const {
    pods::PodSpec spec;
    spec.id = id;
    spec.name = pod_name;
    spec.name_space = settings_.name_space;
    spec.service = settings_.name;
    spec.revision = name_;
    spec.container = settings_.container;
    return spec;
}

std::shared_ptr<const Backend> Revision::make_backend(PodId id, const Running& pod, TimePoint now) const {
    const auto* named = fleet_pod(id);
    auto backend = std::make_shared<Backend>();
    backend->id = id;
    backend->name = named != nullptr ? named->name : "";
    backend->tag = context_.cookie_key.tag(pod.uid);
    backend->endpoint = {asio::ip::make_address(pod.started.address.host), pod.started.address.port};
    backend->ready_since = now;
    return backend;
}

}  // namespace proxy
