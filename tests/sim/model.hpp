// What a pool promises, said once more in the plainest way: every rule looks at everybody, and time is
// counted up step by step. Slow, and shares no idea with router/pool.cpp but the rules themselves.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "dice.hpp"
#include "router/pool.hpp"

namespace sim {

using router::Duration;
using router::PodId;
using router::Ticket;
using router::TimePoint;

class Model {
public:
    struct Request {
        std::optional<PodId> bound, held;
        std::uint64_t bytes = 0;
        Duration age{}, queue{},
            cold{};  // since arrival; waiting while a pod was admitted; waiting while none was
        TimePoint granted{};
        std::uint64_t key = 0;
    };
    struct Pod {
        bool admitted = false, benched = false;
        int leases = 0, sessions = 0, failures = 0;
        int used = 0;  // when last: the greater the later
    };

    router::PoolSettings settings;
    std::map<Ticket, Request> requests;  // who waits or holds a slot; all others are gone for good
    std::map<PodId, Pod> pods;
    bool refuse_all = false;
    double demand_seconds = 0;
    std::uint64_t arrivals = 0;
    std::map<std::uint64_t, std::size_t> key_limits;  // slots a key may hold; none: no bound
    std::map<std::uint64_t, int> turns;               // of keys that have anything here

    void pass(Duration time) {
        const bool ready = any_admitted();
        demand_seconds += std::chrono::duration<double>(time).count() * static_cast<double>(requests.size());
        for (auto& [ticket, r] : requests) {
            r.age += time;
            if (!r.held) (ready ? r.queue : r.cold) += time;
        }
    }

    bool any_admitted() const {
        return std::any_of(pods.begin(), pods.end(), [](const auto& pod) { return pod.second.admitted; });
    }
    bool admitted(PodId id) const { return pods.contains(id) && pods.at(id).admitted; }
    bool free(const Pod& pod) const {
        return pod.admitted &&
               (settings.container_concurrency == 0 || pod.leases < settings.container_concurrency);
    }
    bool patient(const Request& r) const {
        return !settings.affinity_wait || r.age < *settings.affinity_wait;
    }
    bool may_use(const Request& r, PodId pod) const { return !r.bound || *r.bound == pod || !patient(r); }

    // By its key alone.
    bool may_run(const Request& r) const {
        const auto limit = key_limits.find(r.key);
        if (limit == key_limits.end()) return true;
        std::size_t running = 0;
        for (const auto& [ticket, other] : requests) running += other.held && other.key == r.key;
        return running < limit->second;
    }

    std::vector<Ticket> waiting() const {
        std::vector<Ticket> all;
        for (const auto& [ticket, r] : requests)
            if (!r.held) all.push_back(ticket);
        return all;
    }
    std::vector<Ticket> running() const {
        std::vector<Ticket> all;
        for (const auto& [ticket, r] : requests)
            if (r.held) all.push_back(ticket);
        return all;
    }
    bool full_for(std::uint64_t bytes) const {
        std::uint64_t held = 0;
        for (const auto ticket : waiting()) held += requests.at(ticket).bytes;
        return waiting().size() >= settings.queue_depth || (bytes > 0 && bytes + held > settings.queue_bytes);
    }
    bool could_start_at_once(const std::optional<PodId>& bound, std::uint64_t key) const {
        Request mine;
        mine.key = key;
        if (!may_run(mine)) return false;
        const bool waits_for_it = bound && admitted(*bound) && settings.affinity_wait != Duration::zero();
        for (const auto ticket : waiting())
            if (!patient(requests.at(ticket)) && may_run(requests.at(ticket))) return false;  // he goes first
        return std::any_of(pods.begin(), pods.end(), [&](const auto& pod) {
            return free(pod.second) && (!waits_for_it || bound == pod.first);
        });
    }

    void arrive(Ticket ticket, const router::Arrival& arrival) {
        expect(!requests.contains(ticket) && (requests.empty() || requests.rbegin()->first < ticket),
               "tickets grow");
        requests[ticket] = {arrival.bound,
                            std::nullopt,
                            arrival.bytes,
                            {},
                            {},
                            {},
                            {},
                            static_cast<std::uint64_t>(arrival.key)};
        unbind_if_gone(requests[ticket]);
        ++arrivals;
    }
    void leave(Ticket ticket) {
        auto found = requests.find(ticket);
        if (found == requests.end()) return;
        give_back(found->second);
        const auto key = found->second.key;
        requests.erase(found);
        if (std::none_of(requests.begin(), requests.end(),
                         [&](const auto& r) { return r.second.key == key; }))
            turns.erase(key);
    }
    bool retry(Ticket ticket) {
        auto found = requests.find(ticket);
        if (found == requests.end() || !found->second.held) return false;
        give_back(found->second);
        unbind_if_gone(found->second);
        return true;
    }
    void set_admitted(PodId id, bool admitted) {
        pods[id].admitted = admitted;
        for (auto& [ticket, r] : requests)
            if (!r.held) unbind_if_gone(r);
    }
    void bench(PodId id) {
        if (!admitted(id)) return;
        pods[id].benched = true;
        set_admitted(id, false);
    }
    void forget(PodId id) {
        pods.erase(id);
        for (auto& [ticket, r] : requests)
            if (!r.held) unbind_if_gone(r);
    }

    // One grant, judged before it is carried out.
    void grant(Ticket ticket, PodId id) {
        auto found = requests.find(ticket);
        expect(found != requests.end() && !found->second.held, "only who waits gets a slot");
        auto& r = found->second;
        expect(pods.contains(id) && free(pods.at(id)),
               "a slot is granted on a pod that is admitted and has one free");
        expect(may_use(r, id), "a session waits for its own pod");
        expect(may_run(r), "a key holds no more slots than it may");
        for (const auto& [other, waiter] : requests) {
            if (waiter.held || !may_run(waiter) || !may_use_any(waiter)) continue;
            if (waiter.key == r.key)
                expect(ticket <= other || !may_use(waiter, id),
                       "whoever came first and may use the slot gets it");
            else
                expect(std::pair(turns[r.key], ticket) < std::pair(turns[waiter.key], other),
                       "the key goes whose turn is longest ago, or who came first");
        }
        turns[r.key] = ++turns_;
        if (r.bound && free(pods.at(*r.bound)))
            expect(*r.bound == id, "a session goes to its own pod if that is free");
        if (!r.bound || !free(pods.at(*r.bound)))
            expect(id == preferred(), "the pod is the one that suits strangers best");
        r.held = id;
        ++pods[id].leases;
        pods[id].used = ++uses_;
    }
    void check_nobody_waits_in_vain() const {
        for (const auto ticket : waiting())
            for (const auto& [id, pod] : pods)
                expect(!free(pod) || !may_use(requests.at(ticket), id) || !may_run(requests.at(ticket)),
                       "nobody waits who may use a free slot");
    }

    // Those who came before and may take a slot that he may take, but for patience.
    std::size_t ahead(Ticket ticket) const {
        const auto& mine = requests.at(ticket).bound;
        const auto key = requests.at(ticket).key;
        std::size_t own = 0;
        std::map<std::uint64_t, std::size_t> others;
        for (const auto& [other, r] : requests) {
            if (r.held || (mine && r.bound && *r.bound != *mine)) continue;
            if (r.key != key) ++others[r.key];
            own += r.key == key && other < ticket;
        }
        std::size_t count = own;
        for (const auto& [other, theirs] : others) count += std::min(theirs, own + 1);
        return count;
    }
    // When the slots were granted that come to somebody with so many ahead, the first of them first.
    std::vector<TimePoint> granted_on(const std::optional<PodId>& pod) const {
        std::vector<TimePoint> all;
        for (const auto& [ticket, r] : requests)
            if (r.held && (!pod || *r.held == *pod)) all.push_back(r.granted);
        std::sort(all.begin(), all.end());
        return all;
    }

    std::optional<router::Overdue> overdue(const Request& r) const {
        if (any_admitted())
            return r.queue >= settings.queue_timeout ? std::optional(router::Overdue::queue_timeout)
                                                     : std::nullopt;
        if (refuse_all) return router::Overdue::unavailable;
        return r.cold >= settings.cold_start_timeout ? std::optional(router::Overdue::cold_start_timeout)
                                                     : std::nullopt;
    }
    std::optional<Duration> next_due() const {  // from now
        std::optional<Duration> due;
        for (const auto ticket : waiting()) {
            const auto& r = requests.at(ticket);
            if (refuse_all && !any_admitted()) return Duration::zero();
            auto mine =
                any_admitted() ? settings.queue_timeout - r.queue : settings.cold_start_timeout - r.cold;
            if (r.bound && settings.affinity_wait && patient(r))
                mine = std::min(mine, *settings.affinity_wait - r.age);
            due = due ? std::min(*due, mine) : mine;
        }
        return due;
    }

private:
    bool may_use_any(const Request& r) const {
        return std::any_of(pods.begin(), pods.end(),
                           [&](const auto& pod) { return free(pod.second) && may_use(r, pod.first); });
    }
    void unbind_if_gone(Request& r) const {
        if (r.bound && !admitted(*r.bound)) r.bound.reset();
    }
    void give_back(Request& r) {
        if (r.held && pods.contains(*r.held)) {
            --pods[*r.held].leases;
            pods[*r.held].used = ++uses_;
        }
        r.held.reset();
    }
    PodId preferred() const {
        std::optional<PodId> best;
        for (const auto& [id, pod] : pods) {
            if (!free(pod)) continue;
            const auto rank = [&](const Pod& p) {
                return std::tuple(settings.container_concurrency == 0 ? p.leases : 0, p.sessions, -p.used);
            };
            if (!best || rank(pod) < rank(pods.at(*best))) best = id;
        }
        return best.value();
    }

    int uses_ = 0, turns_ = 0;
};

}  // namespace sim
