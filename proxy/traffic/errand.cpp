#include "proxy/traffic/errand.hpp"

#include <fmt/format.h>

#include <boost/asio.hpp>

#include "proxy/bounds/reserve.hpp"
#include "proxy/bounds/what_of.hpp"
#include "proxy/log.hpp"
#include "proxy/traffic/attempt.hpp"
#include "proxy/traffic/job.hpp"
#include "proxy/traffic/patience.hpp"
#include "proxy/traffic/stopper.hpp"
#include "router/ids.hpp"

namespace proxy {
namespace {

using boost::system::error_code;

constexpr std::chrono::milliseconds mount_retry{250};
constexpr std::chrono::milliseconds wait_for_any{50};
constexpr int most_waits_for_any = 20;

// As OpenTelemetry's error.type.
constexpr std::string_view word_for(Outcome outcome) {
    switch (outcome) {
        case Outcome::done:
        case Outcome::switched:
        case Outcome::not_here:  // its status says it
            return {};
        case Outcome::unsent:
            return "not_connected";
        case Outcome::exhausted:
            return "gateway_exhausted";
        case Outcome::stale:
            return "stale_connection";
        case Outcome::died:
            return "pod_died";
        case Outcome::broken_off:
            return "broken_off";
        case Outcome::nonsense:
            return "pod_nonsense";
        case Outcome::hung:
            return "timeout";
        case Outcome::not_mounted:
            return "not_mounted";
        case Outcome::abandoned:
            return "client_left";
        case Outcome::body_lost:
            return "disk_full";
    }
    return {};
}

constexpr int status_of_failed(Outcome outcome) {
    return outcome == Outcome::not_here || outcome == Outcome::not_mounted ? 404 : 0;
}

// The life of one request on the pods' side, over as many tries as it is allowed.
class Errand {
public:
    Errand(Worker& worker, std::shared_ptr<Exchange> exchange, std::shared_ptr<const Backend> backend,
           Lease lease)
        : worker_(worker),
          exchange_(std::move(exchange)),
          x_(*exchange_),
          gate_(*x_.service->gate),
          backend_(std::move(backend)),
          lease_(std::move(lease)),
          has_slot_(static_cast<bool>(lease_)) {
        // A stream lasts as long as it likes: nobody who shuts down waits for it.
        if (!x_.stream) counter_ = &worker_.shared().errands, ++*counter_;
    }
    Errand(const Errand&) = delete;
    // An errand that an exception ended is over for its client too. The slot goes back with the lease.
    ~Errand() {
        if (counter_ != nullptr) --*counter_;
        if (regular_) return;
        MustNotFail book_keeping;
        count(worker_.shared().bounds.failures);
        log_of(LogOf::proxy)
            .about({{"requestId", x_.request_id},
                    {"service", x_.service->key},
                    {"pod", backend_ ? std::string_view(backend_->name) : std::string_view()}})
            .error("a request to {} ended by an exception at pod {}; its client is told 500", x_.service->key,
                   backend_ ? std::string_view(backend_->name) : std::string_view("(none)"));
        x_.on_departure = nullptr;
        x_.waiting.reset();
        x_.fail(Refusal::broken, "The gateway failed on this request; its log says how.");
    }

    asio::awaitable<void> run() {
        while (backend_ && !worker_.stopped() &&
               !(has_slot_ && x_.client_left)) {  // nothing is under way here
            x_.backend = backend_;
            bool over = co_await one_try();
            if (!over) continue;
            regular_ = true;
            co_return;
        }
        if (worker_.stopped()) x_.fail(Refusal::shutting_down, "The gateway was told to stop at once.");
        x_.fail(Refusal::unavailable,
                "The pod died, and there is no other. Try again in a moment; 'pilotlight get events' says "
                "why it died.");
        regular_ = true;
    }

private:
    asio::awaitable<bool> one_try() {
        const bool websocket = x_.head.websocket();  // frames go on no connection that was used before
        Attempt attempt(worker_, x_, !has_slot_, fresh_ || websocket);
        auto stopper = stopper_for_departure();
        if (x_.trace)
            x_.trace->begin_try(x_.head_for_pod, backend_->name, backend_->endpoint.address().to_string(),
                                backend_->endpoint.port(), Clock::now());
        const auto outcome = co_await attempt.run();
        x_.on_departure = nullptr;
        if (worker_.stopped()) co_return false;
        if (stopper) co_await stopper->finished();
        status_ = attempt.status();
        if (x_.trace && outcome != Outcome::done && outcome != Outcome::switched)
            x_.trace->end_try(Clock::now(), status_of_failed(outcome), word_for(outcome), x_.detail);
        if (outcome != Outcome::done) co_return co_await conclude(outcome);
        if (has_slot_)
            co_await done();
        else
            settle();
        if (x_.trace) x_.trace->end_try(x_.pod_done, status_);
        co_return true;
    }

    std::unique_ptr<Stopper> stopper_for_departure() {
        if (!has_slot_ || !x_.service->interrupt_on_disconnect) return nullptr;
        auto question = interrupt_for(x_.head);
        if (!question) return nullptr;
        auto stopper = std::make_unique<Stopper>(worker_, std::move(*question), backend_);
        x_.on_departure = [here = stopper.get()] { here->begin(); };
        return stopper;
    }

    // True: the errand is over.
    asio::awaitable<bool> conclude(Outcome outcome) {
        const auto now = Clock::now();
        const auto id = backend_->id;
        switch (outcome) {
            case Outcome::done:  // see one_try()
                co_return true;
            case Outcome::switched:
                x_.held = std::move(lease_);
                gate_.succeeded(id);
                x_.notify();
                co_return true;
            case Outcome::abandoned:
                co_return true;
            case Outcome::not_here:
                backend_ = x_.elsewhere.front();
                x_.elsewhere.erase(x_.elsewhere.begin());
                x_.borrowed = true;  // it answers for another: the session stays where it is
                co_return false;
            case Outcome::not_mounted:
                co_await pause(mount_retry);
                x_.waited.cold += Clock::now() - x_.handed_over;  // the pod is still starting
                co_return false;
            case Outcome::exhausted:
                if (++waits_for_us_ > most_waits_for_us)
                    co_return fail(
                        Refusal::unavailable,
                        "The gateway has no descriptor or memory left for a connection to the pod.");
                co_await pause(wait_for_us);
                co_return false;
            case Outcome::stale:
                if (x_.service->retry > 0 && !fresh_ && !x_.nobody_listens()) {
                    fresh_ = was_stale_ = true;  // the same pod, on a connection of its own
                    co_return false;
                }
                [[fallthrough]];
            case Outcome::unsent:
            case Outcome::died: {
                gate_.bench(id, now);
                bool over = co_await elsewhere(outcome != Outcome::unsent);
                co_return over;
            }
            case Outcome::broken_off:
                gate_.bench(id, now);
                co_return fail(Refusal::pod_died, pod_died_text());
            case Outcome::nonsense:
                gate_.failed(id, now);
                co_return fail(Refusal::pod_nonsense, x_.detail);
            case Outcome::body_lost:
                co_return fail(Refusal::disk_full,
                               "The request's body was lost: the gateway's spool directory failed.");
            case Outcome::hung:
                if (has_slot_) gate_.hung(id, now);
                co_return true;
        }
        co_return true;
    }

    asio::awaitable<void> done() {
        // First of all: the pod is free, whatever the client's line is like; unless it has only begun.
        const bool has_begun_a_job = lease_ && x_.until != router::Until::answer && status_ < 300;
        if (!has_begun_a_job) give_back();
        // Whom the slot was given to sends his request before anything else is done: the pod waits for it.
        if (!has_begun_a_job) co_await worker_.others();
        settle();
        if (has_begun_a_job) {
            co_await until_job_is_over(worker_, x_);
            x_.pod_done = Clock::now();
            give_back();
        }
    }

    // The answer is whole.
    void settle() {
        if (status_ >= 500)
            gate_.failed(backend_->id, Clock::now());
        else
            gate_.succeeded(backend_->id);
        learn();
        x_.complete = !x_.failure;  // of an answer that came too late a part is missing
        x_.notify();
    }

    // Noted before, as the next one may come at once: for how long the slot had been free when this request
    // came, which is little if it had waited for it.
    void give_back() {
        note_gap();
        lease_.release();
    }
    void note_gap() {
        const auto ends = Clock::now().time_since_epoch().count();
        const auto before = backend_->rests_since.exchange(ends, std::memory_order_relaxed);
        const auto gap = x_.handed_over.time_since_epoch() - Duration(before);
        if (before == 0 || gap < Duration::zero()) return;
        auto& metrics = *x_.service->metrics;
        (x_.waited.queue > Duration::zero() ? metrics.gap_wanted : metrics.gap_unwanted).observe(gap);
    }

    // The ids in its answer are its clients' way back to this pod.
    void learn() {
        const auto* answer = dynamic_cast<const AnswerIds*>(x_.listener.get());
        if (answer == nullptr) return;
        std::vector<std::string> ids;
        answer->peek.for_each([&](std::string_view member, std::string_view value) {
            if (auto id = router::id_in_member(x_.head.path(), member, value)) ids.push_back(std::move(*id));
        });
        gate_.learn(ids, backend_->id, Clock::now());
    }

    // The pod died: this request once more, if it may. True: it is over.
    asio::awaitable<bool> elsewhere(bool reached) {
        // Nobody there any more after a connection that went stale: it was the pod that died, of this request
        // perhaps.
        if (std::exchange(was_stale_, false)) reached = true;
        const bool again = reached ? ++x_.retries <= x_.service->retry : ++unsent_ <= most_unsent_tries;
        if (!again || x_.nobody_listens()) co_return fail(Refusal::pod_died, pod_died_text());
        if (reached) x_.service->metrics->retries.fetch_add(1, std::memory_order_relaxed);
        if (has_slot_)
            co_await wait_for_a_slot();
        else
            co_await wait_for_a_pod();
        co_return false;
    }

    // Waits with the old ticket. No backend: there is none to be had, or nobody to have it for.
    asio::awaitable<void> wait_for_a_slot() {
        backend_ = nullptr;
        const auto since = Clock::now();
        if (!lease_.retry()) co_return;
        x_.waiting = lease_.shared_waiter();  // so that a client who leaves can ring
        while (!lease_.granted() && !lease_.refused() && !x_.client_left)
            co_await x_.waiting->alarm.async_wait(asio::as_tuple(asio::use_awaitable));
        x_.waiting.reset();
        if (x_.trace) trace_wait(since);
        if (lease_.refused()) x_.fail(*lease_.refused(), "The pod died, and no other was to be had in time.");
        if (!lease_.granted()) co_return;
        x_.waited = lease_.waiter().waited;
        x_.borrowed = lease_.waiter().borrowed;
        backend_ = lease_.pod();
    }

    // The second wait of a request.
    void trace_wait(TimePoint since) {
        TracedWait wait;
        wait.began = since, wait.ended = Clock::now();
        if (lease_.granted())
            wait.cold = std::max(Duration::zero(), lease_.waiter().waited.cold - x_.waited.cold);
        x_.trace->record().waits.push_back(wait);
    }

    // A benched pod is probed within moments; longer than that a request without a slot waits for nobody.
    asio::awaitable<void> wait_for_a_pod() {
        backend_ = nullptr;
        for (int tries = 0; tries < most_waits_for_any && !x_.client_left; ++tries) {
            backend_ = gate_.any_pod({}, router::Towards::any, Clock::now()).pod;
            if (backend_) co_return;
            co_await pause(wait_for_any);
        }
    }

    asio::awaitable<void> pause(Duration how_long) {
        Waiter::Timer timer(worker_.io(), Clock::now() + how_long);
        co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
    }

    bool fail(Refusal why, std::string in_words) {
        x_.fail(why, std::move(in_words));
        return true;
    }

    std::string pod_died_text() const {
        return fmt::format("Pod {} closed the connection before it had answered{}.", x_.backend->name,
                           x_.retries > 0 ? ", and so did the one before it" : "");
    }

    Worker& worker_;
    std::shared_ptr<Exchange> exchange_;
    Exchange& x_;
    Gate& gate_;
    std::shared_ptr<const Backend> backend_;
    Lease lease_;
    const bool has_slot_;
    int status_ = 0;
    int unsent_ = 0, waits_for_us_ = 0;
    bool fresh_ = false, was_stale_ = false;
    bool regular_ = false;
    std::atomic<std::size_t>* counter_ = nullptr;
};

asio::awaitable<void> errand(Worker& worker, std::shared_ptr<Exchange> exchange,
                             std::shared_ptr<const Backend> backend, Lease lease) {
    Errand errand(worker, std::move(exchange), std::move(backend), std::move(lease));
    co_await errand.run();
}

}  // namespace

void start_errand(Worker& worker, std::shared_ptr<Exchange> exchange, std::shared_ptr<const Backend> backend,
                  Lease lease) {
    asio::co_spawn(
        worker.io(), errand(worker, exchange, std::move(backend), std::move(lease)),
        [exchange](std::exception_ptr error) {
            if (error)
                log_of(LogOf::proxy)
                    .about({{"requestId", exchange->request_id}, {"service", exchange->service->key}})
                    .error(
                        "the exception that ended a request to {} (a fault of the gateway, please "
                        "report it): {}",
                        exchange->service->key, what_of(error));
        });
}

}  // namespace proxy
