// The one lock around a Pool and its sessions: where traffic (worker threads) and control (its own thread)
// meet. It is held for a pure step in memory, never across an await. Every change dispatches, so no caller
// can forget to.
#pragma once

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "proxy/traffic/cookie.hpp"
#include "proxy/traffic/refusal.hpp"
#include "router/pool.hpp"
#include "router/sessions.hpp"

namespace proxy {

namespace asio = boost::asio;
using pods::Clock;
using pods::Duration;
using pods::PodId;
using pods::TimePoint;
using router::Ticket;

// A pod as traffic sees it. Immutable; one instance of a pod is one Backend, so that connections never
// outlive it.
struct Backend {
    PodId id{};
    std::string name;
    std::uint64_t tag = 0;  // CookieKey::tag, what cookies call it
    asio::ip::tcp::endpoint endpoint;
    TimePoint ready_since;
};

// Whoever waits for a slot. Touched only on its own thread, but for the gate's book-keeping.
struct Waiter {
    using Timer =
        asio::basic_waitable_timer<Clock, asio::wait_traits<Clock>, asio::io_context::executor_type>;
    explicit Waiter(asio::io_context& io) : alarm(io, TimePoint::max()) {}

    // A wait that starts later ends at once too.
    void ring() { alarm.expires_at(TimePoint::min()); }

    Timer alarm;
    std::shared_ptr<const Backend> pod;  // the slot granted
    std::optional<Refusal> refused;
    router::Waited waited;
    bool borrowed = false;  // the pod is not the session's own, but that one is still there

    // The gate's, under its lock.
    std::optional<std::uint64_t> session;
    std::optional<PodId> bound;
};

class Lease;

class Gate : public std::enable_shared_from_this<Gate> {
public:
    // `wake` tells control, from any thread, that a look is worth while.
    Gate(const router::PoolSettings&, TimePoint now, std::function<void()> wake);

    // --- traffic
    // A place in the queue, and often a slot at once: see Lease::granted(), refused(). Both are known when it
    // returns if the caller runs on `io`.
    Lease enter(asio::io_context&, const std::optional<Binding>& session, std::uint64_t bytes, TimePoint now);
    // A pod for a request that takes no slot: its session's own, else one that is ready; none: empty.
    std::shared_ptr<const Backend> any_pod(const std::optional<Binding>& session, TimePoint now);
    void leave(Ticket, TimePoint now);
    // Another wait of the same request, with a waiter of its own.
    bool retry(Ticket, const Waiter& before, std::shared_ptr<Waiter>, TimePoint now);
    void succeeded(PodId);              // an answer below 500
    void failed(PodId, TimePoint now);  // an answer of 5xx
    void bench(PodId, TimePoint now);   // its connection broke
    void hung(PodId, TimePoint now);    // it holds a request beyond all bounds: control should replace it

    // --- control
    void admit(std::shared_ptr<const Backend>, TimePoint now);
    void drain(PodId, TimePoint now);
    void forget(PodId, TimePoint now);
    int leases(PodId);
    void configure(const router::PoolSettings&, Duration session_timeout, TimePoint now);
    void refuse_all(bool, TimePoint now);       // while pods cannot be had
    void refuse_queue(Refusal, TimePoint now);  // everybody who waits, and from now on whoever would have to

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
    std::optional<PodId> bound_pod(const Binding&, TimePoint now);  // under the lock
    void update_sessions(PodId);                                    // under the lock
    static void grant(std::vector<Granted>);
    static void refuse(const std::shared_ptr<Waiter>&, Refusal);

    std::mutex mutex_;
    router::Pool pool_;
    router::Sessions sessions_;
    Duration session_timeout_ = std::chrono::seconds{1800};
    std::map<PodId, std::shared_ptr<const Backend>> backends_;
    std::unordered_map<std::uint64_t, PodId> by_tag_;
    std::unordered_map<Ticket, std::shared_ptr<Waiter>> waiters_;
    std::vector<PodId> hung_;
    std::optional<Refusal> closed_;  // nobody waits any more
    std::function<void()> wake_;
};

// A request's hold on a revision: its place in the queue and, once granted, its slot. Destruction gives both
// back, so no early return, exception or vanished client can leak a slot.
class Lease {
public:
    Lease() = default;
    Lease(std::shared_ptr<Gate> gate, Ticket ticket, std::shared_ptr<Waiter> waiter)
        : gate_(std::move(gate)), ticket_(ticket), waiter_(std::move(waiter)) {}
    static Lease refusal(Refusal, asio::io_context&);
    Lease(Lease&& other) noexcept
        : gate_(std::exchange(other.gate_, nullptr)),
          ticket_(other.ticket_),
          waiter_(std::move(other.waiter_)) {}
    Lease& operator=(Lease&& other) noexcept {
        release();
        gate_ = std::exchange(other.gate_, nullptr);
        ticket_ = other.ticket_;
        waiter_ = std::move(other.waiter_);
        return *this;
    }
    ~Lease() { release(); }

    void release() noexcept;
    bool retry();  // gives the slot back and waits again, at the old place; false: the lease is over
    bool granted() const { return waiter_->pod != nullptr; }
    std::optional<Refusal> refused() const { return waiter_->refused; }
    const std::shared_ptr<const Backend>& pod() const { return waiter_->pod; }
    Waiter& waiter() const { return *waiter_; }
    const std::shared_ptr<Waiter>& shared_waiter() const { return waiter_; }
    explicit operator bool() const { return gate_ != nullptr; }

private:
    std::shared_ptr<Gate> gate_;
    Ticket ticket_{};
    std::shared_ptr<Waiter> waiter_;
};

}  // namespace proxy
