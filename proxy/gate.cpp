#include "proxy/gate.hpp"

#include <algorithm>
#include <boost/asio/dispatch.hpp>
#include <utility>

#include "proxy/bounds/reserve.hpp"

namespace proxy {

Gate::Gate(const router::PoolSettings& settings, TimePoint now, std::function<void()> wake)
    : pool_(settings, now),
      origins_({10'000, 4u << 20}),
      visitors_({10'000, 4u << 20}),
      wake_(std::move(wake)) {}

template <class Change>
void Gate::change(TimePoint now, Change apply) {
    std::vector<Granted> granted;
    std::vector<Refused> refused;
    MustNotFail book_keeping;
    {
        std::lock_guard lock(mutex_);
        apply(pool_);
        for (const auto [ticket, pod] : pool_.dispatch(now)) {
            auto waiter = std::move(waiters_.at(ticket));
            waiters_.erase(ticket);
            working_.emplace(ticket, waiter);
            const bool own = !waiter->bound || *waiter->bound == pod;
            const bool borrowed = !own && pool_.admitted(*waiter->bound);
            bind(*waiter, pod, borrowed, now);
            granted.push_back({std::move(waiter), backends_.at(pod), pool_.waited(ticket, now), borrowed});
        }
        if (closed_)
            for (auto& [ticket, waiter] : std::exchange(waiters_, {})) {
                pool_.leave(ticket, now);
                refused.emplace_back(std::move(waiter), *closed_);
            }
    }
    grant(std::move(granted));
    for (const auto& [waiter, refusal] : refused) refuse(waiter, refusal);
}

// Inline on the waiter's own thread, posted to any other. A grant on its way to somebody who has just left is
// given back by his lease.
void Gate::grant(std::vector<Granted> granted) {
    for (auto& one : granted) {
        const auto executor = one.waiter->alarm.get_executor();
        asio::dispatch(executor, [one = std::move(one)] {
            one.waiter->pod = one.pod;
            one.waiter->waited = one.waited;
            one.waiter->borrowed = one.borrowed;
            one.waiter->ring();
        });
    }
}

void Gate::refuse(const std::shared_ptr<Waiter>& waiter, Refusal refusal) {
    asio::dispatch(waiter->alarm.get_executor(), [waiter, refusal] {
        waiter->refused = refusal;
        waiter->ring();
    });
}

Lease Gate::enter(asio::io_context& io, const Caller& caller, std::uint64_t bytes,
                  std::span<const std::string> names, TimePoint now) {
    auto waiter = std::make_shared<Waiter>(io);
    waiter->ids = caller.ids;
    if (caller.cookie) waiter->session = caller.cookie->session;
    if (!caller.origin.empty()) waiter->origin = std::hash<std::string_view>{}(caller.origin);
    waiter->client = caller.origin;
    constexpr std::string_view by_id = "request:";
    for (const auto& name : names)
        if (name.starts_with(by_id)) waiter->request = name.substr(by_id.size());
    std::optional<Ticket> ticket;
    auto why_not = Refusal::queue_full;
    bool cold = false;
    change(now, [&](router::Pool& pool) {
        waiter->bound = bound_pod(caller, now);
        router::Arrival arrival{waiter->bound, bytes, caller.key, caller.key_running, caller.key_waiting};
        if (arrival.key != router::Key{} && arrival.key_waiting == 0)  // nobody fills the queue alone
            arrival.key_waiting = std::max<std::size_t>(1, pool.settings().queue_depth / 2);
        if (pool.over_own_bound(arrival, now)) why_not = Refusal::key_limit;
        if (why_not == Refusal::queue_full) ticket = pool.arrive(arrival, now);
        if (!ticket) return;
        waiters_.emplace(*ticket, waiter);
        places_.enter(*ticket, names);
        cold = !pool.any_admitted() && !closed_;
    });
    if (!ticket) return Lease::refusal(why_not, io);
    if (cold) wake_();
    return Lease(shared_from_this(), *ticket, std::move(waiter));
}

void Gate::leave(Ticket ticket, TimePoint now) {
    bool emptied = false;
    change(now, [&](router::Pool& pool) {
        waiters_.erase(ticket);
        working_.erase(ticket);
        const auto pod = pool.holder(ticket);
        note_end(ticket, pod, now);
        pool.leave(ticket, now);
        emptied = pod && drained(*pod);
    });
    if (emptied) wake_();
}

bool Gate::retry(Ticket ticket, const Waiter& before, std::shared_ptr<Waiter> waiter, TimePoint now) {
    bool waits = false, wanted = false;
    change(now, [&](router::Pool& pool) {
        const auto pod = pool.holder(ticket);
        waits = pool.retry(ticket, now);
        working_.erase(ticket);
        if (!waits) return;
        waiter->ids = before.ids;
        waiter->session = before.session;
        waiter->origin = before.origin;
        waiter->client = before.client;
        waiter->request = before.request;
        waiter->bound = before.bound;
        waiters_.emplace(ticket, std::move(waiter));
        wanted = !pool.any_admitted() || drained(*pod);
    });
    if (wanted) wake_();
    return waits;
}

// Its last lease has ended: control can stop it now.
bool Gate::drained(PodId pod) {
    return !pool_.admitted(pod) && pool_.leases(pod) == 0;
}

void Gate::succeeded(PodId pod) {
    std::lock_guard lock(mutex_);
    pool_.succeeded(pod);
}

void Gate::failed(PodId pod, TimePoint now) {
    bool benched = false;
    change(now, [&](router::Pool& pool) {
        const bool before = pool.admitted(pod);
        pool.failed(pod, now);
        benched = before && !pool.admitted(pod);
    });
    if (benched) wake_();
}

void Gate::bench(PodId pod, TimePoint now) {
    change(now, [&](router::Pool& pool) { pool.bench(pod, now); });
    wake_();
}

void Gate::hung(PodId pod, TimePoint now) {
    change(now, [&](router::Pool& pool) {
        pool.drain(pod, now);
        hung_.push_back(pod);
    });
    wake_();
}

void Gate::admit(std::shared_ptr<const Backend> backend, TimePoint now) {
    change(now, [&](router::Pool& pool) {
        const auto id = backend->id;
        by_tag_[backend->tag] = id;
        backends_[id] = std::move(backend);
        pool.admit(id, now);
        update_sessions(id);
    });
}

void Gate::expect(std::shared_ptr<const Backend> backend, TimePoint now) {
    change(now, [&](router::Pool& pool) {
        const auto id = backend->id;
        by_tag_[backend->tag] = id;
        backends_[id] = std::move(backend);
        pool.expect(id, now);
        update_sessions(id);
    });
}

void Gate::drain(PodId pod, TimePoint now) {
    change(now, [&](router::Pool& pool) { pool.drain(pod, now); });
}

void Gate::forget(PodId pod, TimePoint now) {
    change(now, [&](router::Pool& pool) {
        pool.forget(pod, now);
        sessions_.forget(pod);
        origins_.forget(pod);
        visitors_.forget(pod);
        newest_visitor_.erase(pod);
        auto found = backends_.find(pod);
        if (found == backends_.end()) return;
        auto tagged = by_tag_.find(found->second->tag);
        if (tagged != by_tag_.end() && tagged->second == pod) by_tag_.erase(tagged);
        backends_.erase(found);
    });
}

int Gate::leases(PodId pod) {
    std::lock_guard lock(mutex_);
    return pool_.leases(pod);
}

void Gate::configure(const router::PoolSettings& settings, Duration session_timeout, TimePoint now) {
    change(now, [&](router::Pool& pool) {
        pool.configure(settings, now);
        session_timeout_ = session_timeout;
    });
}

void Gate::refuse_all(bool refuse, TimePoint now) {
    change(now, [&](router::Pool& pool) { pool.refuse_all(refuse); });
}

void Gate::refuse_queue(std::optional<Refusal> refusal, TimePoint now) {
    change(now, [&](router::Pool&) { closed_ = refusal; });
}

std::size_t Gate::shed(std::size_t (*part)(std::size_t waiting), Refusal refusal, TimePoint now) {
    std::vector<Refused> refused;
    change(now, [&](router::Pool& pool) {
        for (const auto ticket : pool.newest(part(pool.waiting()))) {
            if (auto waiter = waiters_.extract(ticket)) refused.emplace_back(waiter.mapped(), refusal);
            pool.leave(ticket, now);
        }
    });
    for (const auto& [waiter, why] : refused) refuse(waiter, why);
    return refused.size();
}

Gate::Look Gate::look(TimePoint now) {
    Look look;
    std::vector<Refused> refused;
    change(now, [&](router::Pool& pool) {
        for (const auto [ticket, why] : pool.expire(now)) {
            auto found = waiters_.find(ticket);
            if (found == waiters_.end()) continue;
            const auto refusal = why == router::Overdue::queue_timeout        ? Refusal::queue_timeout
                                 : why == router::Overdue::cold_start_timeout ? Refusal::cold_start_timeout
                                                                              : Refusal::unavailable;
            refused.emplace_back(std::move(found->second), refusal);
            waiters_.erase(found);
        }
        sessions_.age(now, session_timeout_);
        origins_.age(now, session_timeout_);
        visitors_.age(now, session_timeout_);
        places_.age(now);
        look.usage = pool.usage(now);
        const auto benched = pool.benched();
        for (const auto& [id, backend] : backends_) {
            update_sessions(id);
            const bool is_benched = std::find(benched.begin(), benched.end(), id) != benched.end();
            look.pods.push_back({id, pool.leases(id), sessions_.on(id), pool.admitted(id), is_benched});
        }
        look.hung = std::exchange(hung_, {});
        look.next_due = pool.next_due(now);
    });
    for (const auto& [waiter, refusal] : refused) refuse(waiter, refusal);
    return look;
}

Lease Lease::refusal(Refusal refusal, asio::io_context& io) {
    auto waiter = std::make_shared<Waiter>(io);
    waiter->refused = refusal;
    return Lease(nullptr, Ticket{}, std::move(waiter));
}

void Lease::release() noexcept {
    if (auto gate = std::exchange(gate_, nullptr)) gate->leave(ticket_, Clock::now());
}

bool Lease::retry() {
    if (!gate_) return false;
    auto& io = static_cast<asio::io_context&>(waiter_->alarm.get_executor().context());
    const auto before = std::exchange(waiter_, std::make_shared<Waiter>(io));
    return gate_->retry(ticket_, *before, waiter_, Clock::now());
}

}  // namespace proxy
