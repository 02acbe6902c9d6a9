// A request's hold on a revision: who waits, what he is granted, and how he gives it back.
#pragma once

#include <atomic>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "proxy/traffic/refusal.hpp"
#include "router/pool.hpp"

namespace proxy {

namespace asio = boost::asio;
using pods::Clock;
using pods::Duration;
using pods::PodId;
using pods::TimePoint;
using router::Ticket;

// A pod as traffic sees it. Immutable but for a figure; one instance of a pod is one Backend, so that
// connections never outlive it.
struct Backend {
    PodId id{};
    std::string name;
    std::uint64_t tag = 0;  // CookieKey::tag, what cookies call it
    asio::ip::tcp::endpoint endpoint;
    TimePoint ready_since;
    // When a slot of it was last free: the one thing that changes, and only figures go by it.
    mutable std::atomic<TimePoint::rep> rests_since{0};
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
    std::vector<std::string> ids;
    std::optional<std::uint64_t> session, origin;
    std::optional<PodId> bound;
    std::string client;   // the peer's address, for whoever looks at the queue
    std::string request;  // its id, likewise
};

class Gate;

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
