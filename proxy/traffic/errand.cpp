#include "proxy/traffic/errand.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <boost/asio.hpp>

#include "proxy/traffic/body.hpp"

namespace proxy {
namespace {

using boost::system::error_code;

constexpr int most_interim_responses = 16;
constexpr int most_unsent_tries = 32;  // connections refused: nothing reached any pod
constexpr std::chrono::milliseconds mount_retry{250};
constexpr std::chrono::milliseconds wait_for_us{100};  // until somebody gives a descriptor back
constexpr int most_waits_for_us = 50;
constexpr std::chrono::milliseconds wait_for_any{50};
constexpr int most_waits_for_any = 20;
constexpr std::chrono::seconds mount_window{30};  // after the port opened; see looks_unmounted()
constexpr std::string_view not_mounted_body = R"({"detail":"Not Found"})";
constexpr std::chrono::seconds hung_after_at_most{
    60};  // how long after its timeout a pod may still come back

enum class Outcome {
    done,
    unsent,     // no connection: nothing reached the pod
    exhausted,  // no connection, for want of descriptors or memory: it is us, not the pod
    stale,  // a connection that had been used before closed without a word: its idle time was over, or the
            // pod died
    died,   // a fresh one did
    broken_off,  // in the middle of the answer
    nonsense,
    hung,
    not_mounted,
    body_lost  // the request's, on our disk
};

// One try at one pod.
class Attempt {
public:
    Attempt(Worker& worker, Exchange& exchange, bool slotless, bool fresh)
        : worker_(worker), x_(exchange), slotless_(slotless), fresh_(fresh) {}

    asio::awaitable<Outcome> run() {
        if (auto outcome = co_await connect(); outcome != Outcome::done) co_return outcome;
        begin_clock();
        if (!co_await send()) co_return Outcome::body_lost;
        auto outcome = co_await receive();
        if (outcome == Outcome::done && reusable_) worker_.keep_idle(x_.backend->id, std::move(connection_));
        co_return outcome;
    }

private:
    asio::awaitable<Outcome> connect() {
        if (!fresh_) connection_ = worker_.take_idle(x_.backend->id);
        reused_ = connection_ != nullptr;
        if (reused_) co_return Outcome::done;
        connection_ = worker_.new_pod_connection();
        const auto error = co_await connection_->stream.connect(x_.backend->endpoint,
                                                                Clock::now() + x_.routing->timeouts.connect);
        if (error == asio::error::no_descriptors ||
            error == boost::system::errc::too_many_files_open_in_system ||
            error == asio::error::no_buffer_space || error == asio::error::no_memory)
            co_return Outcome::exhausted;
        co_return error ? Outcome::unsent : Outcome::done;
    }

    void begin_clock() {
        x_.handed_over = Clock::now();
        deadline_ = x_.handed_over + x_.service->timeout;
        start_deadline_ = x_.service->response_start_timeout
                              ? x_.handed_over + *x_.service->response_start_timeout
                              : TimePoint::max();
    }

    // An error here is not the last word: the pod may have answered before it read everything, and who
    // answers while he takes no more has heard enough. False: the disk failed.
    asio::awaitable<bool> send() {
        const std::uint64_t head_size = x_.head_for_pod.size();
        for (std::uint64_t sent = 0; sent < head_size + x_.body.size();) {
            const auto head = std::string_view(x_.head_for_pod).substr(std::min(sent, head_size));
            const auto from = std::max(sent, head_size) - head_size;
            const auto piece = x_.body.read(from);
            if (piece.empty() && from < x_.body.size()) co_return false;
            const auto written =
                co_await connection_->stream.write_unless_answered(head, piece, next_deadline());
            sent += written.octets;
            if (written.error == asio::error::would_block ? has_answered() : bool(written.error))
                co_return true;
        }
        sent_all_ = true;
        co_return true;
    }

    // Reads what the pod says while it is still being sent to. True: there is no use in going on.
    bool has_answered() {
        while (const auto read = connection_->stream.try_read(worker_.scratch())) {
            if (read->error) return true;
            early_.append(worker_.scratch().data(), read->octets);
            if (early_.size() > x_.routing->limits.head_bytes) return true;
        }
        std::string_view rest = early_;
        while (const auto length = head_length(rest)) {
            const auto parsed = parse_response(rest.substr(0, length), x_.routing->head_limits, false);
            const auto* response = std::get_if<ResponseHead>(&parsed);
            if (response == nullptr || response->status() >= 200) return true;
            rest.remove_prefix(length);
        }
        return false;
    }

    asio::awaitable<Outcome> receive() {
        std::string head = std::move(early_);
        for (int interim = 0; interim <= most_interim_responses; ++interim) {
            std::size_t length = 0;
            while ((length = head_length(head)) == 0) {
                if (head.size() > x_.routing->limits.head_bytes) co_return nonsense("its head is too long");
                const auto outcome = co_await read_some([&](std::string_view octets) { head += octets; });
                if (!outcome) continue;
                if (*outcome == Outcome::died && !head.empty()) co_return nonsense("its head is cut short");
                if (*outcome == Outcome::died && reused_ && interim == 0) co_return Outcome::stale;
                co_return *outcome;
            }
            auto parsed = parse_response(std::string_view(head).substr(0, length), x_.routing->head_limits,
                                         x_.head.method() == "HEAD");
            if (auto* error = std::get_if<HeadError>(&parsed)) co_return nonsense(error->reason);
            auto& response = std::get<ResponseHead>(parsed);
            head.erase(0, length);
            if (response.status() == 101) co_return nonsense("it switched protocols unasked");
            if (response.status() >= 200) co_return co_await receive_body(std::move(response), head);
        }
        co_return nonsense("it sent too many interim responses");
    }

    asio::awaitable<Outcome> receive_body(ResponseHead response, std::string& rest) {
        BodyDecoder decoder(response.framing(), response.content_length());
        const int status = response.status();
        const bool may_be_unmounted = looks_unmounted(response);
        reusable_ = response.keep_alive() && sent_all_;
        std::string held_back;
        const auto sink = [&](std::string_view content) {
            if (x_.nobody_listens()) return;
            if (may_be_unmounted)
                held_back += content;
            else
                keep(content);
        };
        x_.answered = Clock::now();
        if (!may_be_unmounted) publish(std::move(response));

        rest.erase(0, decoder.feed(rest, sink));
        while (decoder.state() == BodyDecoder::State::more) {
            x_.notify();
            const auto outcome = co_await read_some([&](std::string_view octets) {
                const auto taken = decoder.feed(octets, sink);
                if (taken < octets.size()) reusable_ = false;  // octets after the end: whose are they?
            });
            if (!outcome) continue;
            if (*outcome == Outcome::died && decoder.closed()) break;
            co_return *outcome == Outcome::died ? Outcome::broken_off : *outcome;
        }
        if (decoder.state() == BodyDecoder::State::malformed)
            co_return nonsense("its chunked framing is malformed");
        if (!rest.empty()) reusable_ = false;
        x_.pod_done = Clock::now();
        status_ = status;
        if (may_be_unmounted) {
            if (held_back == not_mounted_body) co_return Outcome::not_mounted;
            publish(std::move(response));
            keep(held_back);
        }
        co_return Outcome::done;
    }

    // "/sdapi" answers so, without x-process-time, between the port's opening and the mounting of the API.
    bool looks_unmounted(const ResponseHead& response) const {
        return response.status() == 404 && x_.service->profile == router::Profile::automatic &&
               x_.head.path().starts_with("/sdapi/") && x_.head.method() != "HEAD" &&
               response.framing() == Framing::sized && response.content_length() == not_mounted_body.size() &&
               !response.has("x-process-time") && Clock::now() - x_.backend->ready_since < mount_window;
    }

    // Without room the client is told; the pod is heard to its end all the same: its slot is not free before.
    void keep(std::string_view content) {
        if (!x_.answer.append(content) || x_.answer.backlog() > x_.routing->limits.response_bytes)
            x_.fail(Refusal::disk_full,
                    "The answer could not be buffered: no room in the gateway's spool directory.");
    }

    void publish(ResponseHead response) {
        if (!x_.nobody_listens()) x_.response = std::move(response);
    }

    // The next octets, whenever they come. Past its timeout the client is told; the pod keeps its slot a
    // while, since its GPU may still work, and is then reported as hung.
    template <class Use>
    asio::awaitable<std::optional<Outcome>> read_some(Use use) {
        auto& stream = connection_->stream;
        for (;;) {
            bool late = false;
            if (this_turn_ >
                Worker::turn) {  // a pod may send faster than we read: no wait would ever end its turn
                this_turn_ = 0;
                co_await worker_.others();
                if (worker_.stopped()) co_return Outcome::died;
                late = Clock::now() >= next_deadline();
            }
            if (const auto read = late ? std::nullopt : stream.try_read(worker_.scratch())) {
                if (read->error) co_return Outcome::died;
                this_turn_ += read->octets;
                use(std::string_view(worker_.scratch().data(), read->octets));
                co_return std::nullopt;
            }
            this_turn_ = 0;
            error_code error = asio::error::timed_out;
            if (!late) error = co_await stream.readable(next_deadline());
            if (!error) continue;
            if (error != asio::error::timed_out || worker_.stopped()) co_return Outcome::died;
            if (gave_up_ || slotless_) {
                x_.fail(Refusal::pod_timeout, "The pod did not answer in time.");
                co_return Outcome::hung;
            }
            gave_up_ = true;
            x_.fail(Refusal::pod_timeout,
                    fmt::format(
                        "The pod has had the request for {:.0f} s, which is its timeout; see timeoutSeconds.",
                        std::chrono::duration<double>(Clock::now() - x_.handed_over).count()));
            deadline_ = Clock::now() + std::min<Duration>(x_.service->timeout, hung_after_at_most);
        }
    }

    TimePoint next_deadline() const {
        auto at = deadline_;
        if (gave_up_) return at;
        if (!x_.response) at = std::min(at, start_deadline_);
        if (x_.response && x_.service->idle_timeout)
            at = std::min(at, Clock::now() + *x_.service->idle_timeout);
        return at;
    }

    Outcome nonsense(std::string_view why) {
        x_.detail = fmt::format("The pod's answer was refused: {}.", why);
        return Outcome::nonsense;
    }

    Worker& worker_;
    Exchange& x_;
    bool slotless_;
    bool fresh_;  // no connection that was used before
    bool reused_ = false;
    std::unique_ptr<PodConnection> connection_;
    std::string early_;  // said by the pod before it had everything
    TimePoint deadline_{}, start_deadline_{};
    std::size_t this_turn_ = 0;  // octets read without a wait
    bool sent_all_ = false, reusable_ = false, gave_up_ = false;

public:
    int status_ = 0;
};

std::string pod_died_text(const Exchange& x) {
    return fmt::format("Pod {} closed the connection before it had answered{}.", x.backend->name,
                       x.retries > 0 ? ", and so did the one before it" : "");
}

// Waits for another slot with the old ticket. Empty: there is none to be had, or nobody to have it for.
asio::awaitable<std::shared_ptr<const Backend>> another_pod(Exchange& x, Lease& lease, bool had_lease) {
    if (!had_lease) {
        // A benched pod is probed within moments; longer than that a request without a slot waits for nobody.
        for (int tries = 0; tries < most_waits_for_any && !x.client_left; ++tries) {
            if (auto pod = x.service->gate->any_pod({}, router::Towards::any, Clock::now()).pod)
                co_return pod;
            asio::steady_timer pause(x.changed.get_executor(), wait_for_any);
            co_await pause.async_wait(asio::as_tuple(asio::use_awaitable));
        }
        co_return nullptr;
    }
    if (!lease.retry()) co_return nullptr;
    x.waiting = lease.shared_waiter();  // so that a client who leaves can ring
    while (!lease.granted() && !lease.refused() && !x.client_left)
        co_await x.waiting->alarm.async_wait(asio::as_tuple(asio::use_awaitable));
    x.waiting.reset();
    if (lease.refused()) x.fail(*lease.refused(), "The pod died, and no other was to be had in time.");
    if (!lease.granted()) co_return nullptr;
    x.waited = lease.waiter().waited;
    x.borrowed = lease.waiter().borrowed;
    co_return lease.pod();
}

asio::awaitable<void> errand(Worker& worker, std::shared_ptr<Exchange> exchange,
                             std::shared_ptr<const Backend> backend, Lease lease) {
    auto& x = *exchange;
    auto& gate = *x.service->gate;
    const bool had_lease = static_cast<bool>(lease);
    int unsent = 0, waits_for_us = 0;
    bool fresh = false, was_stale = false;
    while (backend && !worker.stopped()) {
        x.backend = backend;
        Attempt attempt(worker, x, !had_lease, fresh);
        const auto outcome = co_await attempt.run();
        const auto now = Clock::now();
        const auto id = backend->id;
        if (worker.stopped()) break;
        switch (outcome) {
            case Outcome::done:
                lease.release();  // first of all: the pod is free, whatever the client's line is like
                if (attempt.status_ >= 500)
                    gate.failed(id, now);
                else
                    gate.succeeded(id);
                x.complete = !x.failure;  // of an answer that came too late a part is missing
                x.notify();
                co_return;
            case Outcome::not_mounted: {
                asio::steady_timer pause(worker.io(), mount_retry);
                co_await pause.async_wait(asio::as_tuple(asio::use_awaitable));
                x.waited.cold += Clock::now() - x.handed_over;  // the pod is still starting
                continue;
            }
            case Outcome::exhausted: {
                if (++waits_for_us > most_waits_for_us) {
                    x.fail(Refusal::unavailable,
                           "The gateway has no descriptor or memory left for a connection to the pod.");
                    co_return;
                }
                asio::steady_timer pause(worker.io(), wait_for_us);
                co_await pause.async_wait(asio::as_tuple(asio::use_awaitable));
                continue;
            }
            case Outcome::stale:
                if (x.service->retry > 0 && !fresh &&
                    !x.nobody_listens()) {  // the same pod, on a connection of its own
                    fresh = was_stale = true;
                    continue;
                }
                [[fallthrough]];
            case Outcome::unsent:
            case Outcome::died: {
                gate.bench(id, now);
                // Nobody there any more after a connection that went stale: it was the pod that died, of this
                // request perhaps.
                const bool reached = outcome != Outcome::unsent || std::exchange(was_stale, false);
                const bool again = reached ? ++x.retries <= x.service->retry : ++unsent <= most_unsent_tries;
                if (again && !x.nobody_listens()) {
                    if (reached) x.service->metrics->retries.fetch_add(1, std::memory_order_relaxed);
                    backend = co_await another_pod(x, lease, had_lease);
                    continue;
                }
                x.fail(Refusal::pod_died, pod_died_text(x));
                co_return;
            }
            case Outcome::broken_off:
                gate.bench(id, now);
                x.fail(Refusal::pod_died, pod_died_text(x));
                co_return;
            case Outcome::nonsense:
                gate.failed(id, now);
                x.fail(Refusal::pod_nonsense, x.detail);
                co_return;
            case Outcome::body_lost:
                x.fail(Refusal::disk_full,
                       "The request's body was lost: the gateway's spool directory failed.");
                co_return;
            case Outcome::hung:
                if (had_lease) gate.hung(id, now);
                co_return;
        }
    }
    if (worker.stopped()) x.fail(Refusal::shutting_down, "The gateway was told to stop at once.");
    x.fail(Refusal::unavailable, "The pod died, and there is no other.");
}

}  // namespace

void start_errand(Worker& worker, std::shared_ptr<Exchange> exchange, std::shared_ptr<const Backend> backend,
                  Lease lease) {
    auto& errands = worker.shared().errands;
    ++errands;
    asio::co_spawn(worker.io(), errand(worker, exchange, std::move(backend), std::move(lease)),
                   [exchange, &errands](std::exception_ptr error) {
                       --errands;
                       if (!error) return;
                       try {
                           std::rethrow_exception(error);
                       } catch (const std::exception& e) {
                           spdlog::error("a request to {} ended by an exception: {}", exchange->service->key,
                                         e.what());
                       }
                       exchange->fail(Refusal::pod_nonsense, "The gateway failed on this request.");
                   });
}

}  // namespace proxy
