#include <algorithm>

#include "router/pool.hpp"

// What others see of a pool.
namespace router {

Usage Pool::usage(TimePoint now) {
    count(now);
    Usage usage{demand_seconds_, arrivals_, held_seconds_,    served_, waiting(),
                running(),       {},        longest_held(now)};
    usage.pods.reserve(pods_.size());
    for (const auto& [id, pod] : pods_) usage.pods.push_back({id, pod.last_used});
    return usage;
}

std::vector<Ticket> Pool::longest_waiting(std::size_t most) const {
    std::vector<Ticket> out;
    if (most == 0) return out;
    queue_.each([&](Ticket ticket) {
        out.push_back(ticket);
        return out.size() < most;
    });
    return out;
}

Duration Pool::longest_held(TimePoint now) const {
    return held_.empty() ? Duration::zero() : now - held_.front().at;
}

bool Pool::admitted(PodId id) const {
    auto found = pods_.find(id);
    return found != pods_.end() && found->second.admitted;
}

int Pool::leases(PodId id) const {
    auto found = pods_.find(id);
    return found == pods_.end() ? 0 : found->second.leases;
}

bool Pool::benched(PodId id) const {
    auto found = pods_.find(id);
    return found != pods_.end() && found->second.is_benched;
}

std::uint64_t Pool::last_used(PodId id) const {
    auto found = pods_.find(id);
    return found == pods_.end() ? 0 : found->second.last_used;
}

std::optional<PodId> Pool::holder(Ticket ticket) const {
    auto found = requests_.find(ticket);
    return found == requests_.end() ? std::nullopt : found->second.held;
}

std::vector<PodId> Pool::benched() const {
    std::vector<PodId> out;
    for (const auto& [id, pod] : pods_)
        if (pod.is_benched) out.push_back(id);
    return out;
}

std::optional<Duration> Pool::held_for(Ticket ticket, TimePoint now) const {
    auto found = requests_.find(ticket);
    if (found == requests_.end() || !found->second.held) return std::nullopt;
    return now - found->second.grant.at;
}

std::optional<Standing> Pool::standing(Ticket ticket) const {
    auto found = requests_.find(ticket);
    if (found == requests_.end() || found->second.held) return std::nullopt;
    Standing standing;
    standing.slots_per_pod = static_cast<std::size_t>(slots());
    const auto& bound = found->second.bound;
    if (bound) {
        const auto& pod = pods_.at(*bound);
        standing.ahead = unbound_.before(ticket) + pod.waiters.before(ticket);
        standing.slots = standing.slots_per_pod;
        if (turns_) standing.ahead = turns_->ahead(found->second.key, ticket, bound);
        find_followed(standing, pod.held);
    } else {
        standing.ahead = turns_ ? turns_->ahead(found->second.key, ticket, bound) : queue_.before(ticket);
        standing.slots = standing.slots_per_pod * static_cast<std::size_t>(admitted_);
        find_followed(standing, held_);
    }
    return standing;
}

Standing Pool::standing() const {
    Standing standing;
    standing.slots_per_pod = static_cast<std::size_t>(slots());
    standing.ahead = queue_.size();
    standing.slots = standing.slots_per_pod * static_cast<std::size_t>(admitted_);
    // Whoever waits beside a free slot waits for his own pod, and need not be waited for.
    standing.slot_is_free = slot_is_free();
    find_followed(standing, held_);
    return standing;
}

// Slots come free in the order in which they were given, if all work takes equally long.
void Pool::find_followed(Standing& standing, const Held& held) const {
    if (standing.slots == 0 || held.empty()) return;
    const auto oldest = std::min(standing.ahead % standing.slots, held.size() - 1);
    standing.follows = held.at(oldest).at;
}

bool Pool::slot_is_free() const {
    return std::any_of(pods_.begin(), pods_.end(), [this](const auto& pod) { return free(pod.second); });
}

std::string Pool::check() const {
    std::map<PodId, int> held;
    std::size_t waiting = 0;
    std::uint64_t bytes = 0;
    for (const auto& [ticket, request] : requests_) {
        if (request.held) {
            ++held[*request.held];
            if (queue_.contains(ticket)) return "a ticket both waits and holds a slot";
            continue;
        }
        ++waiting;
        bytes += request.bytes;
        if (!queue_.contains(ticket)) return "a ticket neither waits nor holds a slot";
        if (request.bound ? !pods_.at(*request.bound).waiters.contains(ticket) : !unbound_.contains(ticket))
            return "a waiting ticket is in no line";
    }
    if (held_.size() != running()) return "slots held and requests running disagree";
    if (waiting != queue_.size() || bytes != queued_bytes_) return "queue and requests disagree";
    int admitted = 0;
    std::size_t bound = 0;
    for (const auto& [id, pod] : pods_) {
        admitted += pod.admitted;
        bound += pod.waiters.size();
        if (static_cast<int>(pod.held.size()) != pod.leases) return "slots held and leases disagree";
        if (pod.leases != held[id]) return "leases counted and leases held disagree";
        if (pod.leases > slots() && pod.admitted) return "more leases than slots";
        if (!pod.admitted && !pod.waiters.empty()) return "somebody waits for a pod that takes no work";
        if (!turns_ && free(pod) && (!pod.waiters.empty() || !unbound_.empty()))
            return "a usable slot is free beside a waiter";
    }
    if (admitted != admitted_ || cold_since_.has_value() != (admitted == 0))
        return "admitted pods miscounted";
    if (bound != bound_waiting_ || bound + unbound_.size() != queue_.size())
        return "lines and queue disagree";
    return turns_ ? check_turns() : std::string{};
}

std::string Pool::check_turns() const {
    std::map<Key, std::pair<std::size_t, std::size_t>> counted;  // waiting and running
    for (const auto& [ticket, request] : requests_) {
        auto& [waiting, running] = counted[request.key];
        ++(request.held ? running : waiting);
        if (request.held || turns_->at_limit(request.key)) continue;
        if (request.bound ? free(pods_.at(*request.bound)) : slot_is_free())
            return "a usable slot is free beside a waiter";
    }
    if (counted.size() != turns_->shares().size()) return "a key has a share and no request";
    for (const auto& [key, share] : turns_->shares())
        if (counted[key] != std::pair(share.waiting, share.running)) return "a key's requests are miscounted";
    return {};
}

std::vector<Ticket> Pool::newest(std::size_t count) const {
    std::vector<Ticket> found;
    for (count = std::min(count, queue_.size()); found.size() < count;)
        found.push_back(queue_.at(queue_.size() - 1 - found.size()));
    return found;
}

}  // namespace router
