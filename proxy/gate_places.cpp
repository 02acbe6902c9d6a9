// The gate's half that tells those who wait where they stand.
#include <utility>

#include "proxy/gate.hpp"

namespace proxy {
namespace {

// A navigation takes a slot for a moment, to wait for a pod to be there; nobody generates that fast.
constexpr Duration shortest_service = std::chrono::milliseconds{5};

}  // namespace

void Gate::set_outlook(router::Outlook outlook) {
    std::lock_guard lock(mutex_);
    std::swap(outlook_, outlook);  // the old one goes when the lock is free again
}

// Before the ticket leaves the pool.
void Gate::note_end(Ticket ticket, const std::optional<PodId>& pod, TimePoint now) {
    if (const auto held = pool_.held_for(ticket, now); held && *held >= shortest_service)
        service_time_.add(*held);
    places_.leave(ticket, pod ? name_of(*pod) : std::string(), now);
}

std::string Gate::name_of(PodId pod) const {
    auto found = backends_.find(pod);
    return found == backends_.end() ? std::string() : found->second->name;
}

std::optional<router::Place> Gate::place(std::string_view name, TimePoint now) {
    using State = router::Place::State;
    std::lock_guard lock(mutex_);
    const auto found = places_.find(name, now);
    if (!found) return std::nullopt;
    router::Place place;
    place.service = overview_now(now);
    place.state = State::finished;
    place.pod = found->pod;
    if (!found->ticket) return place;
    place.waited = pool_.waited(*found->ticket, now);
    if (const auto pod = pool_.holder(*found->ticket)) {
        place.state = State::running;
        place.pod = name_of(*pod);
    } else if (const auto standing = pool_.standing(*found->ticket)) {
        place.state = State::waiting;
        place.ahead = standing->ahead;
        place.expected_wait = router::expected_wait(*standing, outlook_, service_time_.time(), now);
    }
    return place;  // who is neither was turned away a moment ago
}

router::Overview Gate::overview(TimePoint now) {
    std::lock_guard lock(mutex_);
    return overview_now(now);
}

router::Overview Gate::overview_now(TimePoint now) const {
    router::Overview overview;
    overview.waiting = pool_.waiting();
    overview.running = pool_.running();
    overview.ready_pods = pool_.admitted_pods();
    overview.usual_service = service_time_.time();
    overview.usual_cold_start = outlook_.usual_cold_start;
    overview.expected_wait = router::expected_wait(pool_.standing(), outlook_, overview.usual_service, now);
    overview.starting_pods = static_cast<int>(outlook_.starting.size());
    if (outlook_.starting.empty()) return overview;
    const auto& first = outlook_.starting.front();
    overview.starting_pod = first.pod;
    overview.phase = first.phase;
    if (first.since) overview.cold_elapsed = now - *first.since;
    return overview;
}

std::vector<Gate::Queued> Gate::queue(std::size_t most, TimePoint now) {
    std::vector<Queued> out;
    std::lock_guard lock(mutex_);
    for (const auto ticket : pool_.longest_waiting(most)) {
        const auto found = waiters_.find(ticket);
        if (found == waiters_.end()) continue;
        const auto& waiter = *found->second;
        out.push_back({waiter.client, pool_.waited(ticket, now),
                       waiter.bound ? name_of(*waiter.bound) : std::string()});
    }
    return out;
}

std::vector<Gate::Working> Gate::working(std::size_t most, TimePoint now) {
    std::vector<Working> out;
    std::lock_guard lock(mutex_);
    for (const auto& [ticket, waiter] : working_) {
        if (out.size() == most) break;
        const auto pod = pool_.holder(ticket);
        const auto held = pool_.held_for(ticket, now);
        if (pod && held) out.push_back({name_of(*pod), waiter->request, waiter->client, *held});
    }
    return out;
}

}  // namespace proxy
