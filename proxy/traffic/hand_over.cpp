// A request that has arrived whole: to a pod, with a slot or without one, and what came of it.
#include <boost/asio.hpp>

#include "proxy/traffic/errand.hpp"
#include "proxy/traffic/visit.hpp"

namespace proxy {

namespace {

constexpr std::size_t most_elsewhere = 8;  // pods that are asked after a 404

std::string_view advice_to(Unplaced why) {
    if (why == Unplaced::none_busy) return "No pod works for you, so there is nothing of yours to stop.";
    return "Several pods work, and nothing in this request says which one works for you: send the cookie "
           "that "
           "you were given, or the id of your session or task.";
}

}  // namespace

bool takes_a_slot(router::Class what) {
    return what == router::Class::generation || what == router::Class::job;
}

void Visit::start(std::shared_ptr<const Backend> pod, Lease lease) {
    start_errand(worker_, exchange_, std::move(pod), std::move(lease));
    client_.watch([exchange = exchange_] { exchange->leave(); });
}

asio::awaitable<std::optional<Visit::Next>> Visit::hand_over(std::optional<std::string> own_answer,
                                                             Unplaced why) {
    const auto& head = exchange_->head;
    const auto what = classified_.what;
    if (own_answer) co_return co_await write_own(200, std::move(*own_answer));
    if (!takes_a_slot(what) && why != Unplaced::no_pod)
        co_return co_await refuse(Refusal::unplaced, head, advice_to(why));
    if (!takes_a_slot(what) && what != router::Class::navigation)
        co_return co_await refuse(
            Refusal::unavailable, head,
            "No pod runs, and requests of this kind start none: send a generation or open the page first, or "
            "let every request start one with the annotation pilotlight.dev/profile: strict.");
    const auto since = Clock::now();
    auto lease = co_await acquire(patience());
    if (exchange_->trace) trace_wait(since, lease);
    exchange_->waited = lease.waiter().waited;
    exchange_->borrowed = lease.waiter().borrowed;
    if (!lease.granted() || departed_) co_return co_await end_of_waiting(lease);
    auto pod = lease.pod();
    if (!takes_a_slot(what)) lease.release();  // it only waited for a pod to be there
    start(std::move(pod), std::move(lease));
    co_return std::nullopt;
}

// Empty for who takes one.
Placed Visit::place_without_slot() {
    if (takes_a_slot(classified_.what)) return {};
    auto& x = *exchange_;
    auto placed = x.service->gate->any_pod(caller_, classified_.towards, Clock::now());
    if (placed.pod && classified_.towards == router::Towards::seek && !x.head.websocket()) {
        x.elsewhere = x.service->gate->others(placed.pod->id);
        if (x.elsewhere.size() > most_elsewhere) x.elsewhere.resize(most_elsewhere);
    }
    return placed;
}

asio::awaitable<Lease> Visit::acquire(TimePoint until) {
    auto& x = *exchange_;
    std::vector<std::string> names{"request:" + record_.request_id};
    for (const auto& id : caller_.ids)
        if (id.starts_with("task:")) names.push_back(id);
    auto lease = x.service->gate->enter(worker_.io(), caller_, x.body.size(), names, Clock::now());
    if (lease.granted() || lease.refused()) co_return lease;
    client_.watch([this, waiter = lease.shared_waiter()] {
        departed_ = true;
        waiter->ring();
    });
    lease.waiter().alarm.expires_at(until);
    while (!lease.granted() && !lease.refused() && !departed_ && Clock::now() < until)
        co_await lease.waiter().alarm.async_wait(asio::as_tuple(asio::use_awaitable));
    client_.stop_watching();
    co_return lease;
}

// No slot: the client has left, or must be told why; or it waits before a page that goes on by itself.
asio::awaitable<Visit::Next> Visit::end_of_waiting(Lease& lease) {
    const bool still_waits = !lease.granted() && !lease.refused() && !departed_;
    const auto why = departed_ ? Refusal::client_left : lease.refused().value_or(Refusal::unavailable);
    lease.release();  // out of the queue before the answer is written
    if (still_waits) co_return co_await show_waiting_page();
    co_return co_await refuse(why, exchange_->head, advice(why));
}

asio::awaitable<Visit::Next> Visit::result() {
    auto& x = *exchange_;
    while (!x.response && !x.failure && !x.client_left) {
        if (!x.interim.empty()) {
            const bool there = co_await deliver_interim();
            if (there) continue;
            break;
        }
        co_await x.changed.async_wait(asio::as_tuple(asio::use_awaitable));
    }
    if (x.client_left) co_return co_await refuse(Refusal::client_left, x.head, {});
    if (!x.response) co_return co_await refuse(*x.failure, x.head, x.detail);
    if (x.switched) co_return co_await tunnel_through();
    if (x.stream) counted_.release();
    co_return co_await deliver();
}

}  // namespace proxy
