#include "router/pool.hpp"

#include <algorithm>

namespace router {

void Pool::configure(const PoolSettings& settings, TimePoint now) {
    count(now);
    settings_ = settings;
}

void Pool::admit(PodId id, TimePoint now) {
    auto& pod = pods_[id];
    pod.failures = 0;
    pod.is_benched = false;
    pod.elsewhere = false;
    set_admitted(pod, true, now);
}

void Pool::expect(PodId id, TimePoint now) {
    auto& pod = pods_[id];
    pod.elsewhere = true;
    set_admitted(pod, true, now);
}

bool Pool::elsewhere(PodId id) const {
    const auto found = pods_.find(id);
    return found != pods_.end() && found->second.elsewhere;
}

void Pool::drain(PodId id, TimePoint now) {
    auto found = pods_.find(id);
    if (found == pods_.end()) return;
    found->second.is_benched = false;  // it is control's decision now, not ours
    set_admitted(found->second, false, now);
}

void Pool::forget(PodId id, TimePoint now) {
    auto found = pods_.find(id);
    if (found == pods_.end()) return;
    set_admitted(found->second, false, now);
    pods_.erase(found);
}

void Pool::refuse_all(bool refuse) {
    refuse_all_ = refuse;
}

void Pool::set_sessions(PodId id, int sessions) {
    if (auto found = pods_.find(id); found != pods_.end()) found->second.sessions = sessions;
}

// --- requests

std::optional<Ticket> Pool::arrive(const Arrival& arrival, TimePoint now) {
    const bool over = queue_.size() >= settings_.queue_depth ||
                      arrival.bytes > settings_.queue_bytes - std::min(settings_.queue_bytes, queued_bytes_);
    // A full queue turns away only who would have to wait in it.
    if (over && !starts_at_once(arrival, now)) return std::nullopt;
    count(now);
    ++arrivals_;
    const Ticket ticket{++last_ticket_};
    auto& request = requests_[ticket] = {now,           now,           cold_time(now), {}, false,
                                         arrival.bytes, arrival.bound, std::nullopt,   {}, arrival.key};
    if (arrival.key != Key{} && !turns_) begin_turns();
    if (turns_) turns_->set_limit(arrival.key, arrival.key_running);
    enqueue(ticket, request);
    return ticket;
}

bool Pool::starts_at_once(const Arrival& arrival, TimePoint now) {
    auto bound = arrival.bound ? pods_.find(*arrival.bound) : pods_.end();
    const bool strict = bound != pods_.end() && bound->second.admitted;
    if (turns_) {
        if (next_turn(now) || turns_->at_limit(arrival.key)) return false;
        return strict ? free(bound->second) : best_free() != pods_.end();
    }
    return strict ? free(bound->second) && bound->second.waiters.empty() && !next_for_any(now)
                  : !next_for_any(now) && best_free() != pods_.end();
}

bool Pool::over_own_bound(const Arrival& arrival, TimePoint now) {
    return turns_ && arrival.key_waiting > 0 && turns_->waiting(arrival.key) >= arrival.key_waiting &&
           !starts_at_once(arrival, now);
}

void Pool::begin_turns() {
    turns_.emplace();
    for (const auto& [ticket, request] : requests_) {
        if (request.held)
            turns_->resume(request.key);
        else if (queue_.contains(ticket))
            turns_->wait(request.key, ticket, request.bound);
    }
}

void Pool::leave(Ticket ticket, TimePoint now) {
    auto found = requests_.find(ticket);
    if (found == requests_.end()) return;
    count(now);
    if (found->second.held)
        give_back(found->second, now);
    else
        dequeue(ticket, found->second);
    requests_.erase(found);
    if (requests_.empty()) turns_.reset();
}

bool Pool::retry(Ticket ticket, TimePoint now) {
    auto found = requests_.find(ticket);
    if (found == requests_.end() || !found->second.held) return false;
    count(now);
    auto& request = found->second;
    request.since = now;
    request.cold_before = cold_time(now);
    request.retried = true;
    enqueue(ticket, request);
    give_back(request, now);  // last: its key is never without anything meanwhile
    return true;
}

void Pool::enqueue(Ticket ticket, Request& request) {
    queue_.insert(ticket);
    queued_bytes_ += request.bytes;
    auto pod = request.bound ? pods_.find(*request.bound) : pods_.end();
    if (pod != pods_.end() && pod->second.admitted) {
        pod->second.waiters.insert(ticket);
        ++bound_waiting_;
    } else {
        request.bound.reset();
        unbound_.insert(ticket);
    }
    if (turns_) turns_->wait(request.key, ticket, request.bound);
}

void Pool::dequeue(Ticket ticket, Request& request) {
    if (turns_) turns_->stop_waiting(request.key, ticket, request.bound);
    queue_.erase(ticket);
    queued_bytes_ -= request.bytes;
    if (!request.bound) {
        unbound_.erase(ticket);
    } else {
        pods_.at(*request.bound).waiters.erase(ticket);
        --bound_waiting_;
    }
}

void Pool::take(Request& request, PodId id, TimePoint now) {
    auto& pod = pods_.at(id);
    ++pod.leases;
    pod.last_used = ++uses_;
    request.held = id;
    request.grant = {now, uses_};
    held_.insert(request.grant);
    pod.held.insert(request.grant);
    if (turns_) turns_->begin(request.key);
}

void Pool::give_back(Request& request, TimePoint now) {
    if (turns_) turns_->end(request.key);
    held_seconds_ += std::chrono::duration<double>(now - request.grant.at).count();
    ++served_;
    const auto id = *request.held;
    request.held.reset();
    held_.erase(request.grant);
    auto found = pods_.find(id);
    if (found == pods_.end()) return;  // the pod went first
    --found->second.leases;
    found->second.held.erase(request.grant);
    found->second.last_used = ++uses_;
}

// --- pods

void Pool::set_admitted(PodState& pod, bool admitted, TimePoint now) {
    if (!admitted) free_waiters(pod);
    if (pod.admitted == admitted) return;
    pod.admitted = admitted;
    admitted_ += admitted ? 1 : -1;
    if (admitted_ == 0) {
        cold_since_ = now;
    } else if (cold_since_) {
        cold_total_ += now - *cold_since_;
        cold_since_.reset();
    }
}

void Pool::free_waiters(PodState& pod) {
    pod.waiters.each([this](Ticket ticket) {
        auto& request = requests_.at(ticket);
        if (turns_)
            turns_->wait(request.key, ticket, {}), turns_->stop_waiting(request.key, ticket, request.bound);
        request.bound.reset();
        unbound_.insert(ticket);
        --bound_waiting_;
        return true;
    });
    pod.waiters.clear();
}

void Pool::failed(PodId id, TimePoint now) {
    auto found = pods_.find(id);
    if (found != pods_.end() && ++found->second.failures >= settings_.failures_to_bench) bench(id, now);
}

void Pool::bench(PodId id, TimePoint now) {
    auto found = pods_.find(id);
    if (found == pods_.end() || !found->second.admitted) return;
    found->second.is_benched = true;
    set_admitted(found->second, false, now);
}

void Pool::succeeded(PodId id) {
    if (auto found = pods_.find(id); found != pods_.end()) found->second.failures = 0;
}

// --- who is next

bool Pool::out_of_patience(const Request& request, TimePoint now) const {
    return settings_.affinity_wait && now - request.arrived >= *settings_.affinity_wait;
}

// The longest waiting request that may take any pod's slot.
std::optional<Ticket> Pool::next_for_any(TimePoint now) const {
    std::optional<Ticket> first;
    if (!unbound_.empty()) first = unbound_.front();
    if (settings_.affinity_wait && bound_waiting_ > 0)
        for (const auto& [id, pod] : pods_)
            if (!pod.waiters.empty() && (!first || pod.waiters.front() < *first) &&
                out_of_patience(requests_.at(pod.waiters.front()), now))
                first = pod.waiters.front();
    return first;
}

// Where a request that may go anywhere goes: away from pods that sessions wait to come back to, and else to
// the most recently used, so that surplus pods age (break-even scaling, dispatch). Unlimited pods share the
// load.
Pool::Pods::iterator Pool::best_free() {
    const bool unlimited = settings_.container_concurrency == 0;
    auto best = pods_.end();
    const auto better = [&](const PodState& a, const PodState& b) {
        if (unlimited && a.leases != b.leases) return a.leases < b.leases;
        if (a.sessions != b.sessions) return a.sessions < b.sessions;
        return a.last_used > b.last_used;
    };
    for (auto pod = pods_.begin(); pod != pods_.end(); ++pod)
        if (free(pod->second) && (best == pods_.end() || better(pod->second, best->second))) best = pod;
    return best;
}

std::optional<Grant> Pool::next_grant(TimePoint now) {
    if (queue_.empty()) return std::nullopt;
    if (turns_) return next_turn(now);
    auto to = best_free();
    if (to == pods_.end()) return std::nullopt;
    auto ticket = next_for_any(now);
    if (bound_waiting_ > 0)  // somebody's own pod may be free, and he may have waited longer
        for (auto pod = pods_.begin(); pod != pods_.end(); ++pod)
            if (free(pod->second) && !pod->second.waiters.empty() &&
                (!ticket || pod->second.waiters.front() <= *ticket)) {
                ticket = pod->second.waiters.front();
                to = pod;
            }
    if (!ticket) return std::nullopt;
    return Grant{*ticket, to->first};
}

// Of the keys that may have another slot and have somebody who may use a free one: whose turn is longest ago.
std::optional<Grant> Pool::next_turn(TimePoint now) {
    const auto any = best_free();
    if (any == pods_.end()) return std::nullopt;
    std::optional<Grant> next;
    std::uint64_t its_turn = 0;
    for (const auto& [key, share] : turns_->shares()) {
        if (share.at_limit()) continue;
        std::optional<Grant> own;
        if (!share.unbound.empty()) own = Grant{share.unbound.front(), any->first};
        for (const auto& [pod, line] : share.bound) {
            const auto first = line.front();
            if (own && own->ticket < first) continue;
            if (free(pods_.at(pod)))
                own = Grant{first, pod};
            else if (out_of_patience(requests_.at(first), now))
                own = Grant{first, any->first};
        }
        if (!own) continue;
        const bool sooner =
            !next || std::pair(share.last_turn, own->ticket) < std::pair(its_turn, next->ticket);
        if (sooner) next = own, its_turn = share.last_turn;
    }
    return next;
}

std::vector<Grant> Pool::dispatch(TimePoint now) {
    std::vector<Grant> granted;
    while (auto grant = next_grant(now)) {
        auto& request = requests_.at(grant->ticket);
        request.before = waited(request, now);
        take(request, grant->pod, now);
        dequeue(grant->ticket, request);  // last: its key is never without anything meanwhile
        granted.push_back(*grant);
    }
    return granted;
}

// --- budgets

Duration Pool::cold_time(TimePoint now) const {
    return cold_total_ + (cold_since_ ? now - *cold_since_ : Duration::zero());
}

Waited Pool::waited(const Request& request, TimePoint now) const {
    if (request.held) return request.before;
    const auto cold = cold_time(now) - request.cold_before;
    return {request.before.queue + (now - request.since - cold), request.before.cold + cold};
}

Waited Pool::waited(Ticket ticket, TimePoint now) const {
    auto found = requests_.find(ticket);
    return found == requests_.end() ? Waited{} : waited(found->second, now);
}

std::optional<Overdue> Pool::overdue(const Request& request, TimePoint now) const {
    if (refuse_all_ && !any_admitted()) return Overdue::unavailable;
    const auto so_far = waited(request, now);
    if (any_admitted() && so_far.queue >= settings_.queue_timeout) return Overdue::queue_timeout;
    if (!any_admitted() && so_far.cold >= settings_.cold_start_timeout) return Overdue::cold_start_timeout;
    return std::nullopt;
}

// Whoever came first has waited longest in both senses, but for those who were on a pod meanwhile: so the
// head of the queue is all there is to look at, down to the first who was not. `visit` says whether to go on.
template <class Visit>
void Pool::for_each_longest_waiting(Visit visit) const {
    queue_.each([&](Ticket ticket) {
        const auto& request = requests_.at(ticket);
        return visit(ticket, request) || request.retried;
    });
}

std::vector<Expired> Pool::expire(TimePoint now) {
    std::vector<Expired> expired;
    for_each_longest_waiting([&](Ticket ticket, const Request& request) {
        const auto why = overdue(request, now);
        if (why) expired.push_back({ticket, *why});
        return why.has_value();
    });
    for (const auto& one : expired) leave(one.ticket, now);
    return expired;
}

std::optional<TimePoint> Pool::next_due(TimePoint now) const {
    if (queue_.empty()) return std::nullopt;
    if (refuse_all_ && !any_admitted()) return now;
    auto due = TimePoint::max();
    for_each_longest_waiting([&](Ticket, const Request& request) {
        const auto so_far = waited(request, now);
        due = std::min(due, any_admitted() ? now + (settings_.queue_timeout - so_far.queue)
                                           : now + (settings_.cold_start_timeout - so_far.cold));
        return false;
    });
    if (settings_.affinity_wait)
        for (const auto& [id, pod] : pods_)
            pod.waiters.each([&](Ticket ticket) {  // until the first whose patience has not run out yet
                const auto at = requests_.at(ticket).arrived + *settings_.affinity_wait;
                if (at > now) due = std::min(due, at);
                return at <= now;
            });
    return due;
}

void Pool::count(TimePoint now) {
    const std::chrono::duration<double> passed = now - counted_to_;
    demand_seconds_ += passed.count() * static_cast<double>(requests_.size());
    counted_to_ = now;
}

}  // namespace router
