// The one lock around a Pool and its sessions: where traffic (worker threads) and control (its own thread)
// meet. It is held for a pure step in memory, never across an await. Every change dispatches, so no caller
// can forget to.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "proxy/lease.hpp"
#include "proxy/traffic/cookie.hpp"
#include "router/place.hpp"
#include "router/places.hpp"
#include "router/pool.hpp"
#include "router/sessions.hpp"
#include "router/towards.hpp"
#include "router/usual.hpp"

namespace proxy {

// Whose request it is, as far as that shows. The ids come first, in their order, then the cookie: clients
// that keep no cookies still name their session in what they send.
struct Caller {
    static constexpr std::size_t most_ids = 8;  // further ones are not looked at
    std::vector<std::string> ids;               // "kind:value"
    std::optional<Binding> cookie;
    std::string origin{};  // the peer's address. A weak hint, where nothing else is known; empty: none
    router::Key key{};     // whose turn it is; 0: nobody's in particular
    std::size_t key_running = 0, key_waiting = 0;  // its bounds; 0: none, and half of the queue
};

// Why a request that takes no slot has no pod.
enum class Unplaced : unsigned char {
    no_pod,        // none is ready
    none_busy,     // no work of this client's is under way
    several_busy,  // and nothing says which one is this client's
};

struct Placed {
    std::shared_ptr<const Backend> pod;  // empty: see `why`
    bool known = false;                  // it is the client's own, not one that was chosen
    Unplaced why = Unplaced::no_pod;
};

class Gate : public std::enable_shared_from_this<Gate> {
public:
    // `wake` tells control, from any thread, that a look is worth while.
    Gate(const router::PoolSettings&, TimePoint now, std::function<void()> wake);

    // --- traffic
    // A place in the queue, and often a slot at once: see Lease::granted(), refused(). Both are known when it
    // returns if the caller runs on `io`.
    // When it is granted its caller's ids are bound to the pod. place() finds it under its names.
    Lease enter(asio::io_context&, const Caller&, std::uint64_t bytes, std::span<const std::string> names,
                TimePoint now);
    // A pod for a request that takes no slot: its session's own while that works, else as `Towards` says. A
    // client who names himself lives on the pod that was chosen for Towards::any: his next request finds it.
    Placed any_pod(const Caller&, router::Towards, TimePoint now);
    // These ids, of what a pod has answered, belong to it.
    void learn(std::span<const std::string> ids, PodId, TimePoint now);
    std::vector<std::shared_ptr<const Backend>> others(PodId);  // those ready but this one
    void leave(Ticket, TimePoint now);
    // Another wait of the same request, with a waiter of its own.
    bool retry(Ticket, const Waiter& before, std::shared_ptr<Waiter>, TimePoint now);
    void succeeded(PodId);              // an answer below 500
    void failed(PodId, TimePoint now);  // an answer of 5xx
    void bench(PodId, TimePoint now);   // its connection broke
    void hung(PodId, TimePoint now);    // it holds a request beyond all bounds: control should replace it

    // --- whoever asks, from any thread
    std::optional<router::Place> place(std::string_view name, TimePoint now);  // empty: never heard of it
    router::Overview overview(TimePoint now);

    // --- control
    void set_outlook(router::Outlook);
    void admit(std::shared_ptr<const Backend>, TimePoint now);
    void drain(PodId, TimePoint now);
    void forget(PodId, TimePoint now);
    std::atomic<std::size_t> unplaced{0};  // requests on their way to a pod: their body comes, or they wait
    int leases(PodId);
    // An upgrade: a pod that another gateway gives out the slots of, until admit() or forget(); and who lives
    // on a pod goes with it.
    void expect(std::shared_ptr<const Backend>, TimePoint now);
    std::vector<router::Sessions::Known> sessions_of(PodId);
    void settle(PodId, const std::vector<router::Sessions::Known>&, TimePoint now);
    void configure(const router::PoolSettings&, Duration session_timeout, TimePoint now);
    void refuse_all(bool, TimePoint now);  // while pods cannot be had
    void refuse_queue(std::optional<Refusal>,
                      TimePoint now);  // everybody who waits, and from now on whoever would have to

    // Turns away a part of those who wait, the newest first: how many of `waiting`. Says how many it were.
    std::size_t shed(std::size_t (*part)(std::size_t waiting), Refusal, TimePoint now);

    struct PodLoad {
        PodId pod{};
        int leases = 0;
        int sessions = 0;
        bool admitted = false;
        bool benched = false;
    };
    struct Look {
        router::Usage usage;
        std::vector<PodLoad> pods;
        std::vector<PodId> hung;  // since the last look
        std::optional<TimePoint> next_due;
    };
    Look look(TimePoint now);  // also turns away whoever is out of time
    // Those who have waited longest, for people to see.
    struct Queued {
        std::string client;  // the peer's address
        router::Waited waited;
        std::string bound;  // the pod that it waits for; empty: any
    };
    std::vector<Queued> queue(std::size_t most, TimePoint now);
    // Some of those who hold a slot, likewise.
    struct Working {
        std::string pod, request, client;
        Duration held;
    };
    std::vector<Working> working(std::size_t most, TimePoint now);

private:
    struct Granted {
        std::shared_ptr<Waiter> waiter;
        std::shared_ptr<const Backend> pod;
        router::Waited waited;
        bool borrowed;
    };
    using Refused = std::pair<std::shared_ptr<Waiter>, Refusal>;

    bool drained(PodId);  // under the lock
    template <class Change>
    void change(TimePoint now, Change apply);
    // All under the lock.
    template <class Suits>
    std::optional<PodId> find_session(const Caller&, TimePoint now, Suits);
    std::optional<PodId> bound_pod(const Caller&, TimePoint now);  // that takes work
    std::optional<PodId> likely_busy(const Caller&, TimePoint now);
    std::optional<PodId> worked_last_for(const Caller&, TimePoint now);
    std::optional<PodId> least_busy(std::string_view address, TimePoint now);
    Placed owner_of_the_busy_pod();
    bool works_for_another(PodId, const Caller&) const;
    Placed placed(PodId, bool known) const;
    bool works(PodId) const;
    void bind(const Waiter&, PodId, bool borrowed, TimePoint now);
    void settle(const Caller&, PodId, TimePoint now);
    void update_sessions(PodId);
    std::string name_of(PodId) const;
    void note_end(Ticket, const std::optional<PodId>& pod, TimePoint now);
    router::Overview overview_now(TimePoint now) const;
    static void grant(std::vector<Granted>);
    static void refuse(const std::shared_ptr<Waiter>&, Refusal);

    std::mutex mutex_;
    router::Pool pool_;
    router::Sessions sessions_;
    router::Sessions origins_;   // where a peer's work was given last
    router::Sessions visitors_;  // where a peer looked on
    PodId last_visited_{};       // the newest of those
    std::map<PodId, std::size_t> newest_visitor_;
    Duration session_timeout_ = std::chrono::seconds{1800};
    router::Places places_;
    router::Outlook outlook_;
    router::Usual service_time_;
    std::map<PodId, std::shared_ptr<const Backend>> backends_;
    std::unordered_map<std::uint64_t, PodId> by_tag_;
    std::unordered_map<Ticket, std::shared_ptr<Waiter>> waiters_;
    std::unordered_map<Ticket, std::shared_ptr<const Waiter>> working_;  // those who hold a slot
    std::vector<PodId> hung_;
    std::optional<Refusal> closed_;  // nobody waits any more
    std::function<void()> wake_;
};

}  // namespace proxy
