// The gate's half that knows whose request it is: where it goes without a slot, and what is learned from it.
#include <algorithm>
#include <cstring>
#include <functional>
#include <string>

#include "proxy/gate.hpp"

namespace proxy {
namespace {

using Home = router::Sessions::Home;

// An id of what was never sent: short enough to need no memory of its own.
std::string id_of(std::string_view kind, std::uint64_t number) {
    std::string id(kind.size() + sizeof number, '\0');
    std::memcpy(id.data(), kind.data(), kind.size());
    std::memcpy(id.data() + kind.size(), &number, sizeof number);
    return id;
}
std::string cookie_id(std::uint64_t session) {
    return id_of("cookie:", session);
}
std::string origin_id(std::uint64_t origin) {
    return id_of("origin:", origin);
}

// Ids that stand for a client and not for one job of his.
bool names_a_client(std::string_view id) {
    return id.starts_with("session:") || id.starts_with("client:");
}

// What an id names: all up to its colon.
std::string_view kind_of(std::string_view id) {
    return id.substr(0, id.find(':'));
}

bool is_another(const Waiter& holder, const Caller& caller) {
    bool differs = false;
    if (holder.session && caller.cookie) {
        if (*holder.session == caller.cookie->session) return false;
        differs = true;
    }
    for (const auto& his : holder.ids)
        for (const auto& mine : caller.ids) {
            if (his == mine) return false;
            differs = differs || (names_a_client(his) && kind_of(his) == kind_of(mine));
        }
    return differs;
}

std::span<const std::string> bounded(std::span<const std::string> ids) {
    return ids.first(std::min(ids.size(), Caller::most_ids));
}

}  // namespace

// The first pod that suits of those that the caller's ids and then his cookie name.
template <class Suits>
std::optional<PodId> Gate::find_session(const Caller& caller, TimePoint now, Suits suits) {
    for (const auto& id : bounded(caller.ids))
        if (auto pod = sessions_.find(id, now, session_timeout_); pod && suits(*pod)) return pod;
    if (!caller.cookie) return std::nullopt;
    const auto id = cookie_id(caller.cookie->session);
    if (auto pod = sessions_.find(id, now, session_timeout_); pod && suits(*pod)) return pod;
    // Not remembered, after a restart or in a crowd: the cookie says it itself.
    auto found = by_tag_.find(caller.cookie->pod);
    if (found == by_tag_.end() || !suits(found->second)) return std::nullopt;
    sessions_.bind(id, found->second, now);
    update_sessions(found->second);
    return found->second;
}

std::optional<PodId> Gate::bound_pod(const Caller& caller, TimePoint now) {
    return find_session(caller, now, [this](PodId pod) { return pool_.admitted(pod); });
}

// A job that runs on a pod which leaves is still to be watched; a pod that leaves and is idle goes now.
bool Gate::works(PodId pod) const {
    return pool_.admitted(pod) || (pool_.leases(pod) > 0 && !pool_.benched(pod));
}

Placed Gate::placed(PodId pod, bool known) const {
    return {backends_.at(pod), known};
}

Placed Gate::any_pod(const Caller& caller, router::Towards towards, TimePoint now) {
    using router::Towards;
    std::lock_guard lock(mutex_);
    const bool owner = towards == Towards::owner;
    const auto suits = [&](PodId pod) { return owner || works(pod); };
    const auto own = find_session(caller, now, suits);
    if (owner) {
        const auto place = own ? placed(*own, true) : owner_of_the_busy_pod();
        return place.pod && works_for_another(place.pod->id, caller)
                   ? Placed{nullptr, false, Unplaced::none_busy}
                   : place;
    }
    if (own) return placed(*own, true);
    std::optional<PodId> pod;
    if (towards == Towards::busy) pod = likely_busy(caller, now);
    if (towards == Towards::seek) pod = worked_last_for(caller, now);
    if (!pod) pod = least_busy(caller.origin, now);
    if (!pod) return {};
    if (towards == Towards::any) settle(caller, *pod, now);
    return placed(*pod, false);
}

// Where the newest work of the caller's address was given, and thus his files are, most likely: two pods may
// have one of the same name.
std::optional<PodId> Gate::worked_last_for(const Caller& caller, TimePoint now) {
    if (caller.origin.empty()) return std::nullopt;
    const auto pod =
        origins_.find(origin_id(std::hash<std::string_view>{}(caller.origin)), now, session_timeout_);
    return pod && works(*pod) ? pod : std::nullopt;
}

// Where a client who does not say who he is has his work done, most likely.
std::optional<PodId> Gate::likely_busy(const Caller& caller, TimePoint now) {
    const auto busy = [this](PodId pod) {
        return (pool_.leases(pod) > 0 || pool_.elsewhere(pod)) && !pool_.benched(pod);
    };
    if (const auto pod = worked_last_for(caller, now); pod && busy(*pod)) return pod;
    std::optional<PodId> best;
    std::pair<int, std::uint64_t> most;
    for (const auto& [id, backend] : backends_) {
        const std::pair rank(pool_.leases(id), pool_.last_used(id));
        if (busy(id) && (!best || rank > most)) best = id, most = rank;
    }
    return best;
}

// Those who only look on spread over the pods, so that a session of theirs finds its pod free. Among pods
// that are alike an address keeps to its own until another one is sent there, and gets the next one then: of
// those who are about to get a cookie nothing else is known.
std::optional<PodId> Gate::least_busy(std::string_view address, TimePoint now) {
    const auto rank = [this](PodId pod) { return std::pair(pool_.leases(pod), sessions_.on(pod)); };
    std::optional<std::pair<int, int>> least;
    for (const auto& [id, backend] : backends_)
        if (pool_.admitted(id) && (!least || rank(id) < *least)) least = rank(id);
    if (!least) return std::nullopt;
    const auto alike = [&](PodId pod) {
        return backends_.contains(pod) && pool_.admitted(pod) && rank(pod) == *least;
    };
    const auto visitor = std::hash<std::string_view>{}(address);
    if (!address.empty()) {
        const auto own = visitors_.find(origin_id(visitor), now, session_timeout_);
        if (own && alike(*own) && newest_visitor_[*own] == visitor) return own;
    }
    // The next one in their order after the one before, so that visitors spread; the first again after the
    // last.
    std::optional<PodId> first, next;
    for (const auto& [id, backend] : backends_) {
        if (!alike(id)) continue;
        if (!first || id < *first) first = id;
        if (id > last_visited_ && (!next || id < *next)) next = id;
    }
    if (address.empty()) return first;
    last_visited_ = next ? *next : *first;
    newest_visitor_[last_visited_] = visitor;
    visitors_.bind(origin_id(visitor), last_visited_, now);
    return last_visited_;
}

// What an owner does to his pod hits whoever has work there: it must be certain that he is the one.
Placed Gate::owner_of_the_busy_pod() {
    if (backends_.empty()) return {};
    if (backends_.size() == 1) return placed(backends_.begin()->first, false);
    std::optional<PodId> busy;
    for (const auto& [id, backend] : backends_) {
        if (pool_.leases(id) == 0) continue;
        if (busy) return {nullptr, false, Unplaced::several_busy};
        busy = id;
    }
    return busy ? placed(*busy, false) : Placed{nullptr, false, Unplaced::none_busy};
}

// All that runs there is certainly somebody else's: both he and the caller have said who they are, in the
// same way and differently. Who has not, or in another way, may be the same.
bool Gate::works_for_another(PodId pod, const Caller& caller) const {
    bool works = false;
    for (const auto& [ticket, waiter] : working_) {
        if (pool_.holder(ticket) != pod) continue;
        works = true;
        if (!is_another(*waiter, caller)) return false;
    }
    return works;
}

// At the grant. Whoever is on a borrowed pod keeps his home; what this job is called is found where it runs.
void Gate::bind(const Waiter& waiter, PodId pod, bool borrowed, TimePoint now) {
    if (waiter.origin) origins_.bind(origin_id(*waiter.origin), pod, now);
    if (waiter.session && !borrowed) sessions_.bind(cookie_id(*waiter.session), pod, now);
    bool counted = waiter.session.has_value();
    for (const auto& id : bounded(waiter.ids)) {
        const bool client = router::names_client(id);
        if (client && borrowed) continue;
        sessions_.bind(id, pod, now, client && !counted ? Home::yes : Home::no);
        counted = counted || client;
    }
    update_sessions(pod);
}

// A client without a home, who got some pod for a request without a slot, lives there from now on.
void Gate::settle(const Caller& caller, PodId pod, TimePoint now) {
    if (caller.cookie) sessions_.bind(cookie_id(caller.cookie->session), pod, now);
    bool counted = caller.cookie.has_value();
    for (const auto& id : bounded(caller.ids)) {
        if (!router::names_client(id)) continue;
        sessions_.bind(id, pod, now, counted ? Home::no : Home::yes);
        counted = true;
    }
    update_sessions(pod);
}

void Gate::learn(std::span<const std::string> ids, PodId pod, TimePoint now) {
    std::lock_guard lock(mutex_);
    if (!backends_.contains(pod)) return;
    for (const auto& id : bounded(ids)) sessions_.bind(id, pod, now, Home::as_before);
    update_sessions(pod);
}

std::vector<router::Sessions::Known> Gate::sessions_of(PodId pod) {
    std::lock_guard lock(mutex_);
    return sessions_.of(pod);
}

void Gate::settle(PodId pod, const std::vector<router::Sessions::Known>& sessions, TimePoint now) {
    std::lock_guard lock(mutex_);
    for (const auto& [id, home] : sessions) sessions_.bind(id, pod, now, home ? Home::yes : Home::no);
    if (backends_.contains(pod)) update_sessions(pod);
}

std::vector<std::shared_ptr<const Backend>> Gate::others(PodId but) {
    std::lock_guard lock(mutex_);
    std::vector<std::shared_ptr<const Backend>> others;
    for (const auto& [id, backend] : backends_)
        if (id != but && pool_.admitted(id)) others.push_back(backend);
    return others;
}

void Gate::update_sessions(PodId pod) {
    pool_.set_sessions(pod, sessions_.on(pod));
}

}  // namespace proxy
