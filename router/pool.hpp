// The slots of one revision: who holds one, and who waits, in order of arrival.
// Pure: no socket, no clock, no lock. Queue and slots are one object, so that after dispatch() a free slot
// and a request that may use it never exist side by side.
//
// Invariants, checked by check() and by the simulation after every step:
//   - leases on a pod <= container_concurrency (0: unlimited)
//   - a ticket waits, or holds exactly one slot, or is gone
//   - no usable slot is free beside a waiter; among those who may use a slot the longest waiting goes first,
//   and where there are keys, the key whose last turn is longest ago, the longest waiting of it first
//   - slots that a key holds <= what it may hold; its requests beyond wait
//   - waiting requests <= queue_depth, their bodies <= queue_bytes (retried requests, already accepted,
//   excepted)
//   - nothing new on a pod that drains, is benched or is gone
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "pods/pod.hpp"
#include "router/line.hpp"
#include "router/settings.hpp"
#include "router/turns.hpp"

namespace router {

struct Arrival {
    std::optional<PodId> bound;   // its session's pod
    std::uint64_t bytes = 0;      // of its body, held while it waits
    Key key{};                    // whose it is: keys have turns
    std::size_t key_running = 0;  // slots that its key may hold at a time; 0: no bound
    std::size_t key_waiting = 0;  // requests of its key that may wait; 0: no bound
};

struct Grant {
    Ticket ticket;
    PodId pod;
};

// Why a waiting request is turned away.
enum class Overdue { queue_timeout, cold_start_timeout, unavailable };

struct Expired {
    Ticket ticket;
    Overdue why;
};

// How often a pod was given a slot or had one back: whoever looks now and then sees whether it rested
// meanwhile.
struct PodUse {
    PodId pod;
    std::uint64_t uses;
};

// What the autoscaler and the metrics ask of a pool.
struct Usage {
    double demand_seconds = 0;   // integral of waiting + running over time, since the pool began
    std::uint64_t arrivals = 0;  // since the pool began
    double held_seconds = 0;     // of slots that were given back since then, and how many those are
    std::uint64_t served = 0;
    std::size_t waiting = 0;
    std::size_t running = 0;
    std::vector<PodUse> pods{};
    Duration longest_held{};  // of the slots that are held
};

// How long a request waited so far, split by what it waited for; its time on a pod, before a retry, is
// neither.
struct Waited {
    Duration queue{};  // while a pod was ready
    Duration cold{};   // while none was
};

// Where somebody stands who waits, or would.
struct Standing {
    // Those who came before him and may take a slot that he may take: for a session that waits for its own
    // pod, others who wait for that one and those who may go anywhere; for anybody else, all.
    std::size_t ahead = 0;
    std::size_t slots = 0;             // on the pods that he may use; 0: none is ready
    std::size_t slots_per_pod = 1;     // also of pods to come
    std::optional<TimePoint> follows;  // since when the slot has been held that comes to him, most likely
    bool slot_is_free = false;         // nobody need wait
};

class Pool {
public:
    Pool(const PoolSettings& settings, TimePoint now)
        : settings_(settings), cold_since_(now), counted_to_(now) {}

    void configure(const PoolSettings&, TimePoint now);  // dispatch() afterwards, as after every change
    const PoolSettings& settings() const { return settings_; }

    // Control's words. A pod is known from its first admit() to forget().
    void admit(PodId, TimePoint now);   // may be given work, from now on or again
    void drain(PodId, TimePoint now);   // no new work; whoever waits for it may go elsewhere
    void forget(PodId, TimePoint now);  // gone; leases on it stay with their owners until they leave
    void refuse_all(bool);  // pods cannot be had at all: expire() turns everybody away while none is ready
    void set_sessions(PodId, int sessions);

    // Traffic's words.
    bool over_own_bound(const Arrival&, TimePoint now);  // its key has enough waiting, and it would wait too
    std::optional<Ticket> arrive(const Arrival&, TimePoint now);  // empty: the queue is full
    void leave(Ticket, TimePoint now);  // gives back place or slot; leaving twice is harmless
    bool retry(Ticket, TimePoint now);  // slot back, wait again at the old place
    void failed(PodId, TimePoint now);  // an answer of 5xx, a timeout: so many in a row bench the pod
    void bench(PodId, TimePoint now);   // its connection broke: no new work until admitted again
    void succeeded(PodId);

    std::vector<Grant> dispatch(TimePoint now);           // to the longest waiting; call after every change
    std::vector<Ticket> newest(std::size_t count) const;  // of those who wait
    std::vector<Expired> expire(TimePoint now);           // those out of time; they have left
    std::optional<TimePoint> next_due(
        TimePoint now) const;  // when expire() or dispatch() may have something to do

    Usage usage(TimePoint now);
    Waited waited(Ticket, TimePoint now) const;
    std::vector<Ticket> longest_waiting(std::size_t most) const;
    Duration longest_held(TimePoint now) const;  // of all slots; zero: none is held
    bool any_admitted() const { return admitted_ > 0; }
    bool admitted(PodId) const;
    bool elsewhere(PodId) const;
    // A pod that another gateway has still: it is there for what takes no slot, and whoever is bound to it
    // waits. Ends with admit().
    void expect(PodId, TimePoint now);
    int leases(PodId) const;
    bool benched(PodId) const;
    std::uint64_t last_used(PodId) const;       // the greater the later; 0: never
    std::optional<PodId> holder(Ticket) const;  // the pod whose slot the ticket holds
    std::optional<Standing> standing(
        Ticket) const;          // empty: it does not wait. cheap, as is the next one: see Ranked
    Standing standing() const;  // of whoever would come now, bound to no pod
    std::optional<Duration> held_for(Ticket, TimePoint now) const;  // its slot; empty: it has none
    int admitted_pods() const { return admitted_; }
    std::size_t waiting() const { return queue_.size(); }
    std::size_t running() const { return requests_.size() - queue_.size(); }
    std::vector<PodId> benched() const;
    std::string check() const;  // the invariant that does not hold, in words; empty: all do

private:
    struct Request {
        TimePoint arrived;
        TimePoint since;       // when this wait began: at arrival, or with the retry
        Duration cold_before;  // what cold_time() said then
        Waited before;         // in the waits that are over
        bool retried;
        std::uint64_t bytes;
        std::optional<PodId> bound;
        std::optional<PodId> held;
        Granted grant{};
        Key key{};
    };
    struct PodState {
        bool admitted = false;
        bool is_benched = false;
        bool elsewhere = false;  // another gateway still gives out its slots
        int leases = 0;
        int sessions = 0;
        int failures = 0;  // in a row
        std::uint64_t last_used = 0;
        Line waiters{};  // bound to it
        Held held{};
    };

    using Pods = std::map<PodId, PodState>;

    int slots() const {
        return settings_.container_concurrency > 0 ? settings_.container_concurrency
                                                   : std::numeric_limits<int>::max();
    }
    bool free(const PodState& pod) const { return pod.admitted && !pod.elsewhere && pod.leases < slots(); }
    Duration cold_time(TimePoint now) const;
    Waited waited(const Request&, TimePoint now) const;
    bool out_of_patience(const Request&, TimePoint now) const;
    void count(TimePoint now);
    void set_admitted(PodState&, bool, TimePoint now);
    void enqueue(Ticket, Request&);
    void dequeue(Ticket, Request&);
    void free_waiters(PodState&);
    void take(Request&, PodId, TimePoint now);
    void give_back(Request&, TimePoint now);
    std::optional<Ticket> next_for_any(TimePoint now) const;
    void find_followed(Standing&, const Held&) const;
    bool slot_is_free() const;
    template <class Visit>
    void for_each_longest_waiting(Visit) const;
    Pods::iterator best_free();
    std::optional<Grant> next_grant(TimePoint now);
    std::optional<Grant> next_turn(TimePoint now);
    bool starts_at_once(const Arrival&, TimePoint now);
    void begin_turns();
    std::string check_turns() const;
    std::optional<Overdue> overdue(const Request&, TimePoint now) const;

    PoolSettings settings_;
    Pods pods_;
    std::map<Ticket, Request> requests_;
    Line queue_;                  // all who wait
    std::optional<Turns> turns_;  // while there are keys
    Line unbound_;                // those of them who may go anywhere
    Held held_;                   // all slots, also of pods that are gone
    std::uint64_t queued_bytes_ = 0;
    std::uint64_t last_ticket_ = 0;
    std::uint64_t uses_ = 0;
    std::size_t bound_waiting_ = 0;
    int admitted_ = 0;
    bool refuse_all_ = false;
    std::optional<TimePoint> cold_since_;
    Duration cold_total_{};
    TimePoint counted_to_;
    double demand_seconds_ = 0;
    std::uint64_t arrivals_ = 0;
    double held_seconds_ = 0;
    std::uint64_t served_ = 0;
};

}  // namespace router
