#include "proxy/traffic/attempt.hpp"

#include <fmt/format.h>

#include <boost/asio.hpp>

#include "proxy/traffic/forward.hpp"

namespace proxy {

using boost::system::error_code;

namespace {

// And one more each second: a pod may say that it still works (102) as long as it does.
constexpr std::size_t most_interim_responses = 16;
constexpr std::chrono::seconds mount_window{30};  // after the port opened; see looks_unmounted()
constexpr std::string_view not_mounted_body = R"({"detail":"Not Found"})";
constexpr std::chrono::seconds hung_after_at_most{
    60};  // how long after its timeout a pod may still come back
// Of a sized answer the client is written so much at a time: the pod is heard out first, its slot is wanted.
constexpr std::uint64_t worth_a_write = 64 << 10;
constexpr std::uint64_t at_the_clients_pace = 256
                                              << 10;  // so far ahead of its client a slotless answer is read

// A WebUI's port opens before its API is there (modules/api/api.py is mounted by webui.py).
bool mounts_late(router::Profile profile) {
    return profile == router::Profile::automatic || profile == router::Profile::stable_diffusion;
}

bool announces_a_body(const ResponseHead& response) {
    return response.content_length() > 0 || response.has("Transfer-Encoding");
}

}  // namespace

asio::awaitable<Outcome> Attempt::run() {
    auto outcome = Outcome::done;
    auto now = Clock::now();
    if (!reuse(now)) {
        outcome = co_await connect();
        if (outcome != Outcome::done) co_return outcome;
        now = Clock::now();
    }
    if (slotless_)
        x_.on_departure = [this] {
            if (nobody_needs_it() && connection_) connection_->stream.interrupt();
        };
    if (nobody_needs_it()) co_return Outcome::abandoned;
    begin_clock(now);
    if (!sent_at_once()) {
        const bool had_it_all = co_await send();
        if (!had_it_all) co_return Outcome::body_lost;
    }
    outcome = co_await receive();
    if (outcome == Outcome::done && reusable_)
        worker_.keep_idle(x_.backend->id, std::move(connection_), x_.pod_done);
    co_return outcome;
}

bool Attempt::reuse(TimePoint now) {
    if (!fresh_) connection_ = worker_.take_idle(x_.backend->id, now);
    return reused_ = connection_ != nullptr;
}

asio::awaitable<Outcome> Attempt::connect() {
    connection_ = worker_.new_pod_connection();
    const auto error = co_await connection_->stream.connect(x_.backend->endpoint,
                                                            Clock::now() + x_.routing->timeouts.connect);
    if (error == asio::error::no_descriptors || error == boost::system::errc::too_many_files_open_in_system ||
        error == asio::error::no_buffer_space || error == asio::error::no_memory)
        co_return Outcome::exhausted;
    co_return error ? Outcome::unsent : Outcome::done;
}

void Attempt::begin_clock(TimePoint now) {
    x_.handed_over = now;
    deadline_ = x_.handed_over + x_.service->timeout;
    start_deadline_ = x_.service->response_start_timeout
                          ? x_.handed_over + *x_.service->response_start_timeout
                          : TimePoint::max();
}

bool Attempt::sent_at_once() {
    if (!reused_ || x_.body.size() > 0) return false;
    if (const auto written = connection_->stream.try_write(x_.head_for_pod)) sent_ = written->octets;
    return sent_all_ = sent_ == x_.head_for_pod.size();
}

// An error here is not the last word: the pod may have answered before it read everything, and who
// answers while he takes no more has heard enough. False: the disk failed.
asio::awaitable<bool> Attempt::send() {
    // Said before anything was asked: it is the answer to nothing of ours. The same as Worker::take_idle().
    if (!reused_) {
        has_answered();
        unasked_ = !early_.empty();
        if (unasked_) co_return true;
    }
    const std::uint64_t head_size = x_.head_for_pod.size();
    while (sent_ < head_size + x_.body.size()) {
        const auto head = std::string_view(x_.head_for_pod).substr(std::min(sent_, head_size));
        const auto from = std::max(sent_, head_size) - head_size;
        const auto piece = x_.body.read(from);
        if (piece.empty() && from < x_.body.size()) co_return false;
        const auto written = co_await connection_->stream.write_unless_answered(head, piece, next_deadline());
        sent_ += written.octets;
        if (written.error == asio::error::would_block ? has_answered() : bool(written.error)) co_return true;
    }
    // An answer that is here already was begun before the pod can have heard everything.
    if (x_.body.size() > 0 && has_answered()) co_return true;
    sent_all_ = true;
    co_return true;
}

// Reads what the pod says while it is still being sent to. True: there is no use in going on.
bool Attempt::has_answered() {
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

asio::awaitable<Outcome> Attempt::receive() {
    std::string kept = std::move(early_);  // what came in more than one piece
    std::string_view here = kept;          // or what lies where it was read, until the next read
    if (unasked_) co_return nonsense("it spoke before it was asked");
    const auto most = x_.routing->limits.head_bytes;
    for (bool silent = true;; silent = false) {
        std::size_t length = 0, searched = 0;
        while ((length = head_length(here, searched)) == 0) {
            if (here.size() > most) co_return nonsense("its head is too long");
            if (const auto wrong = response_refused_early(here, searched)) co_return nonsense(wrong->reason);
            searched = here.size();
            const auto outcome = co_await read_some([&](std::string_view octets) {
                const bool whole = kept.empty() && head_length(octets) > 0;
                here = whole ? octets : std::string_view(kept += octets);
            });
            if (!outcome) continue;
            if (*outcome == Outcome::died && !here.empty()) co_return nonsense("its head is cut short");
            if (*outcome == Outcome::died && reused_ && silent) co_return Outcome::stale;
            co_return *outcome;
        }
        if (length > most) co_return nonsense("its head is too long");
        auto parsed =
            parse_response(here.substr(0, length), x_.routing->head_limits, x_.head.method() == "HEAD");
        if (auto* error = std::get_if<HeadError>(&parsed)) co_return nonsense(error->reason);
        auto& response = std::get<ResponseHead>(parsed);
        here.remove_prefix(length);
        if (response.status() == 101) co_return switch_protocols(std::move(response), here);
        if (response.status() >= 200) {
            if (response.status() == 404 && !x_.elsewhere.empty()) co_return Outcome::not_here;
            begin_body(std::move(response), here);
            if (decoder_.state() == BodyDecoder::State::more) co_return co_await receive_body();
            co_return end_body(x_.answered);
        }
        kept = std::string(here);
        here = kept;
        if (too_many_interim_responses()) co_return nonsense("it has too many interim responses");
        odd_ = odd_ || announces_a_body(response);
        const bool wanted = response.status() != 100 && x_.head.minor_version() > 0;
        if (!wanted || x_.nobody_listens()) continue;
        x_.interim.push_back(interim_for_client(response));
        x_.notify();
    }
}

bool Attempt::too_many_interim_responses() {
    const auto waited = std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - x_.handed_over);
    return ++interim_responses_ > most_interim_responses + static_cast<std::size_t>(waited.count());
}

// RFC 9112 section 9.2: not if the next answer on it could be anything but the next request's. Who speaks of
// a body where there is none may send it yet.
bool Attempt::may_be_used_again(const ResponseHead& response) const {
    const bool odd = odd_ || (response.framing() == Framing::none && announces_a_body(response));
    return response.keep_alive() && sent_all_ && !odd;
}

Outcome Attempt::switch_protocols(ResponseHead response, std::string_view rest) {
    if (!x_.head.websocket() || !response.switches_to_websocket(x_.head.first("Sec-WebSocket-Key")))
        return nonsense("it switched protocols unasked");
    status_ = response.status();
    x_.answered = Clock::now();
    if (x_.nobody_listens()) return Outcome::abandoned;
    x_.early = rest;
    x_.switched = std::move(connection_);
    publish(std::move(response));
    return Outcome::switched;
}

// `rest`: what came with the head.
void Attempt::begin_body(ResponseHead response, std::string_view rest) {
    decoder_ = BodyDecoder(response.framing(), response.content_length());
    sized_ = response.framing() == Framing::sized;
    status_ = response.status();
    reusable_ = may_be_used_again(response);
    x_.answered = Clock::now();
    if (looks_unmounted(response))
        unmounted_ = std::move(response);
    else
        publish(std::move(response));
    hear(rest);
}

void Attempt::hear(std::string_view octets) {
    const auto taken = decoder_.feed(octets, [&](std::string_view content) {
        if (x_.listener) x_.listener->hear(content);
        if (x_.nobody_listens()) return;
        if (unmounted_)
            held_back_ += content;
        else
            keep(content);
    });
    if (taken < octets.size()) reusable_ = false;  // octets after the end: whose are they?
}

asio::awaitable<Outcome> Attempt::receive_body() {
    while (decoder_.state() == BodyDecoder::State::more) {
        // Who knows its length waits for no single piece.
        if (!sized_ || x_.answer.backlog() >= worth_a_write) x_.notify();
        if (slotless_ && !x_.listener) co_await until_taken();
        const auto outcome = co_await read_some([&](std::string_view octets) { hear(octets); });
        if (!outcome) continue;
        if (*outcome == Outcome::died && said_bye_ && decoder_.closed()) break;
        co_return *outcome == Outcome::died ? Outcome::broken_off : *outcome;
    }
    co_return end_body(Clock::now());
}

Outcome Attempt::end_body(TimePoint now) {
    if (decoder_.state() == BodyDecoder::State::malformed)
        return nonsense("its chunked framing is malformed");
    x_.pod_done = now;
    if (x_.listener && status_ < 300) x_.listener->end();  // a refusal is the end of nothing
    if (!unmounted_) return Outcome::done;
    if (held_back_ == not_mounted_body) return Outcome::not_mounted;
    publish(std::move(*unmounted_));
    keep(held_back_);
    return Outcome::done;
}

// No slot is waiting for this answer's end, so there is no reason to hold more of it than the client's line
// needs.
asio::awaitable<void> Attempt::until_taken() {
    while (x_.answer.backlog() > at_the_clients_pace && !x_.nobody_listens()) {
        co_await x_.taken.async_wait(asio::as_tuple(asio::use_awaitable));
    }
}

// "/sdapi" answers so, without x-process-time, between the port's opening and the mounting of the API.
bool Attempt::looks_unmounted(const ResponseHead& response) const {
    return response.status() == 404 && mounts_late(x_.service->profile) &&
           x_.head.path().starts_with("/sdapi/") && x_.head.method() != "HEAD" &&
           response.framing() == Framing::sized && response.content_length() == not_mounted_body.size() &&
           !response.has("x-process-time") && Clock::now() - x_.backend->ready_since < mount_window;
}

// Without room the client is told; the pod is heard to its end all the same: its slot is not free before.
void Attempt::keep(std::string_view content) {
    if (!x_.answer.append(content) || x_.answer.backlog() > x_.routing->limits.response_bytes)
        x_.fail(Refusal::disk_full,
                "The answer could not be buffered: no room in the gateway's spool directory (spec.stateDir, "
                "spec.limits.spoolDisk).");
}

void Attempt::publish(ResponseHead response) {
    if (!x_.nobody_listens()) x_.response = std::move(response);
}

// The next octets, whenever they come. Past its timeout the client is told; the pod keeps its slot a
// while, since its GPU may still work, and is then reported as hung.
template <class Use>
asio::awaitable<std::optional<Outcome>> Attempt::read_some(Use use) {
    auto& stream = connection_->stream;
    for (;;) {
        bool late = false;
        if (nobody_needs_it()) co_return Outcome::abandoned;
        if (this_turn_ >
            Worker::turn) {  // a pod may send faster than we read: no wait would ever end its turn
            this_turn_ = 0;
            co_await worker_.others();
            if (worker_.stopped()) co_return Outcome::died;
            late = Clock::now() >= next_deadline();
        }
        if (const auto read = late ? std::nullopt : stream.try_read(worker_.scratch())) {
            said_bye_ = read->error == asio::error::eof;
            if (read->error) co_return Outcome::died;
            this_turn_ += read->octets;
            use(std::string_view(worker_.scratch().data(), read->octets));
            co_return std::nullopt;
        }
        this_turn_ = 0;
        error_code error = asio::error::timed_out;
        if (!late) error = co_await stream.readable(next_deadline());
        if (!error) continue;
        if (nobody_needs_it()) co_return Outcome::abandoned;
        if (error != asio::error::timed_out || worker_.stopped()) co_return Outcome::died;
        if (gave_up_ || slotless_) {
            x_.fail(Refusal::pod_timeout, "The pod did not answer in time.");
            co_return Outcome::hung;
        }
        gave_up_ = true;
        x_.fail(
            Refusal::pod_timeout,
            fmt::format("The pod has had the request for {:.0f} s, which is its timeout; see timeoutSeconds.",
                        std::chrono::duration<double>(Clock::now() - x_.handed_over).count()));
        deadline_ = Clock::now() + std::min<Duration>(x_.service->timeout, hung_after_at_most);
    }
}

TimePoint Attempt::next_deadline() const {
    auto at = deadline_;
    if (gave_up_) return at;
    if (slotless_ && x_.response) {  // its client bounds it, by what it takes or by leaving
        if (x_.stream && !x_.service->idle_timeout) return TimePoint::max();
        return Clock::now() + x_.service->idle_timeout.value_or(x_.service->timeout);
    }
    if (!x_.response) at = std::min(at, start_deadline_);
    if (x_.response && x_.service->idle_timeout) at = std::min(at, Clock::now() + *x_.service->idle_timeout);
    return at;
}

bool Attempt::nobody_needs_it() const {
    return slotless_ && x_.client_left && !(x_.listener && x_.listener->wants_more());
}

Outcome Attempt::nonsense(std::string_view why) {
    x_.detail = fmt::format("The pod's answer was refused: {}.", why);
    return Outcome::nonsense;
}

}  // namespace proxy
