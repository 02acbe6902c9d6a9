#include "proxy/traffic/connection.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <boost/asio.hpp>
#include <ctime>

#include "proxy/traffic/errand.hpp"
#include "proxy/traffic/forward.hpp"
#include "proxy/traffic/gradio_socket.hpp"
#include "proxy/traffic/text.hpp"

namespace proxy {

using boost::system::error_code;

namespace {

constexpr std::size_t piece_limit = 256 << 10;
constexpr std::size_t linger_limit = 1 << 20;
constexpr std::chrono::seconds linger_time{2};

}  // namespace

Connection::Connection(Worker& worker, Socket socket) : worker_(worker), stream_(std::move(socket)) {
    error_code error;
    const auto peer = stream_.socket().remote_endpoint(error);
    if (!error) peer_address_ = peer.address(), peer_ = peer.address().to_string();
    worker_.watch(stream_);
    ++worker_.shared().connections;
}

Connection::~Connection() {
    worker_.remove(*this);
    --worker_.shared().connections;
}

void Connection::start() {
    worker_.add(*this);
    asio::co_spawn(worker_.io(), run(), [self = shared_from_this()](std::exception_ptr error) {
        if (!error) return;
        try {
            std::rethrow_exception(error);
        } catch (const std::exception& e) {
            spdlog::error("a connection from {} ended by an exception: {}", self->peer_, e.what());
        }
    });
}

void Connection::close() {
    error_code ignored;
    stream_.socket().close(ignored);
}

void Connection::drain() {
    if (!between_requests_ || first_) return;  // a first request may be on its way; it gets its 503
    error_code ignored;
    stream_.socket().shutdown(asio::socket_base::shutdown_both, ignored);  // ends the wait for a head
}

asio::awaitable<void> Connection::run() {
    auto next = Next::another;
    while (next == Next::another) {
        if (!first_) co_await worker_.others();  // or who never stops asking would be the only one
        const auto length = co_await read_head();
        if (length == 0) break;
        between_requests_ = false;
        auto parsed = parse_request(std::string_view(in_).substr(0, length), worker_.routing()->head_limits);
        in_.erase(0, length);
        if (in_.empty()) in_.shrink_to_fit();
        if (auto* error = std::get_if<HeadError>(&parsed)) {
            RequestRecord record;
            record.client = peer_;
            const auto began = Clock::now();
            next = co_await refuse(Refusal::bad_request, nullptr, record,
                                   fmt::format("The request was refused: {}.", error->reason), error->status,
                                   true);
            log(nullptr, record, began);
            break;
        }
        ++worker_.shared().requests;
        struct Done {
            std::atomic<std::size_t>& requests;
            ~Done() { --requests; }
        } done{worker_.shared().requests};
        next = co_await serve(std::move(std::get<RequestHead>(parsed)));
        between_requests_ = true;
        first_ = false;
        if (worker_.draining() && next == Next::another) next = Next::lingering_close;
    }
    if (next == Next::lingering_close) co_await linger();
    close();
}

asio::awaitable<std::size_t> Connection::read_head() {
    const auto limit = [this] {
        return worker_.routing()->limits.head_bytes;
    };  // asked anew: a reload replaces them
    const auto timeouts = worker_.routing()->timeouts;
    const auto began = Clock::now();
    auto deadline = began + (first_ ? timeouts.head : timeouts.keep_alive);
    if (!in_.empty()) deadline = began + timeouts.head;
    std::size_t searched = 0;
    for (int empty_lines = 0;;) {
        for (; empty_lines < 2 && in_.starts_with("\r\n"); ++empty_lines)
            in_.erase(0, 2);  // RFC 9112 section 2.2
        if (const auto length = head_length(in_, searched)) {
            if (length <= limit()) co_return length;
        }
        RequestRecord record;
        if (in_.size() > limit() || head_length(in_, searched) > 0) {
            record.client = peer_;
            co_await refuse(Refusal::bad_request, nullptr, record,
                            fmt::format("The request's head is longer than {} octets.", limit()), 431, true);
            log(nullptr, record, began);
            co_await linger();
            co_return 0;
        }
        searched = in_.size();
        if (const auto read = stream_.try_read(worker_.scratch())) {
            if (read->error) co_return 0;
            if (in_.empty()) deadline = Clock::now() + timeouts.head;
            in_.append(worker_.scratch().data(), read->octets);
            continue;
        }
        if (worker_.draining() && in_.empty()) co_return 0;
        const auto error = co_await stream_.readable(deadline);
        if (error == asio::error::timed_out && !in_.empty()) {
            record.client = peer_;
            co_await refuse(Refusal::request_timeout, nullptr, record,
                            "The request's head did not arrive in time.", 0, true);
            log(nullptr, record, began);
        }
        if (error) co_return 0;
    }
}

// --- one request

asio::awaitable<Connection::Next> Connection::serve(RequestHead request) {
    const auto began = Clock::now();
    const auto routing = worker_.routing();
    RequestRecord record;
    record.client = peer_;
    const auto given_id = request.first("X-Request-Id");
    record.request_id = is_request_id(given_id) ? std::string(given_id) : hex(random64());

    const auto index = routing->routes.find(request.host());
    const bool has_body = request.framing() != Framing::none;
    std::shared_ptr<Exchange> exchange;
    auto next = Next::close;
    if (!index) {
        const auto detail =
            fmt::format("No service here has the host name '{}'. Hosts look like service.namespace.domain.",
                        request.host());
        next = co_await refuse(Refusal::unknown_host, &request, record, detail, 0, has_body);
        record.method = request.method(), record.host = request.host(), record.target = request.target();
        log(nullptr, record, began);
        co_return next;
    }
    const auto& service = routing->services[*index];
    const auto classified =
        router::classify(service->profile, request.method(), request.path(), request.first("Accept"));
    exchange = std::make_shared<Exchange>(worker_.io(), routing, service, std::move(request));
    auto& x = *exchange;
    record.method = x.head.method(), record.host = x.head.host(), record.target = x.head.target();
    record.service = service->key;
    record.request_class = router::letter(classified.what);

    if (classified.what == router::Class::denied || worker_.draining()) {
        const bool denied = classified.what == router::Class::denied;
        next = co_await refuse(
            denied ? Refusal::denied : Refusal::shutting_down, &x.head, record,
            denied ? "This path could end the pod; it is not served." : "The gateway is shutting down.", 0,
            has_body);
        log(&x, record, began);
        co_return next;
    }
    if (is_websocket_handshake(x.head) && x.head.path().ends_with("/queue/join")) {
        co_await converse(x, record);
        log(&x, record, began);
        co_return Next::close;
    }
    if (!co_await read_body(x, record)) {
        log(&x, record, began);
        co_return record.status == 499 ? Next::close : Next::lingering_close;
    }
    if (const auto& now = worker_.routing();
        now != routing)  // a reload during the upload: the pods are another revision's
        if (const auto found = now->routes.find(x.head.host())) x.service = now->services[*found];
    const auto& serving = x.service;
    const auto session = binding_of(*serving, x.head);
    x.head_for_pod = request_for(x.head, *serving, x, record.request_id);
    const bool keep_alive = x.head.keep_alive() && !worker_.draining();

    // A slot, or a pod without one, or why not.
    departed_ = false;
    std::shared_ptr<const Backend> pod;
    Lease lease;
    if (classified.what != router::Class::generation)
        pod = serving->gate->any_pod({{}, session}, router::Towards::any, Clock::now()).pod;
    if (!pod && classified.what != router::Class::light) {
        lease = co_await acquire(*serving, session, x.body.size());
        x.waited = lease.waiter().waited;
        x.borrowed = lease.waiter().borrowed;
        if (!lease.granted() || departed_) {
            const auto why =
                departed_ ? Refusal::client_left : lease.refused().value_or(Refusal::unavailable);
            lease.release();  // out of the queue before the answer is written
            next = co_await refuse(why, &x.head, record, advice(why));
            log(&x, record, began);
            co_return next;
        }
        pod = lease.pod();
        if (classified.what == router::Class::navigation)
            lease.release();  // it only waited for a pod to be there
    }
    if (!pod) {
        next = co_await refuse(
            Refusal::unavailable, &x.head, record,
            "No pod runs, and requests of this kind start none: send a generation or open the page first, or "
            "let every request start one with the annotation pilotlight.dev/profile: strict.");
        log(&x, record, began);
        co_return next;
    }
    start_errand(worker_, exchange, pod, std::move(lease));
    watch([exchange] { exchange->leave(); });

    while (!x.response && !x.failure && !x.client_left) {
        x.changed.expires_at(TimePoint::max());
        co_await x.changed.async_wait(asio::as_tuple(asio::use_awaitable));
    }
    if (x.client_left) {
        next = co_await refuse(Refusal::client_left, &x.head, record, {});
    } else if (!x.response) {
        next = co_await refuse(*x.failure, &x.head, record, x.detail);
    } else {
        const auto cookie = cookie_for(*serving, session, x);
        next = co_await deliver(x, record, cookie, keep_alive);
    }
    stop_watching();
    log(&x, record, began);
    co_return next;
}

// Gradio 3's socket: its own protocol, and the client's connection with it.
asio::awaitable<void> Connection::converse(Exchange& x, RequestRecord& record) {
    GradioSocket asked;
    asked.routing = x.routing;
    asked.service = x.service;
    asked.caller.cookie = binding_of(*x.service, x.head);
    asked.caller.origin = peer_;
    asked.host = x.head.host();
    asked.request_id = record.request_id;
    asked.key = x.head.first("Sec-WebSocket-Key");
    asked.head_for_pod = request_for(x.head, *x.service, x, record.request_id);
    const auto result = co_await serve_gradio_socket(worker_, stream_, std::move(in_), std::move(asked));
    in_.clear();
    record.request_class = result.task ? 'G' : 'L';
    record.status = 101;
    record.refusal = result.refusal;
    record.bytes_in = result.bytes_in;
    record.bytes_out = result.bytes_out;
    x.backend = result.backend;
    x.waited = result.waited;
    x.borrowed = result.borrowed;
    x.retries = result.retries;
    x.handed_over = result.handed_over;
    x.pod_done = result.pod_done;
}

asio::awaitable<bool> Connection::read_body(Exchange& x, RequestRecord& record) {
    const auto& limits = x.routing->limits;
    BodyDecoder decoder(x.head.framing(), x.head.content_length());
    const auto too_large = fmt::format("The request's body is longer than {} octets.", limits.body_bytes);
    if (x.head.framing() == Framing::sized && x.head.content_length() > limits.body_bytes) {
        co_await refuse(Refusal::body_too_large, &x.head, record, too_large, 0, true);
        co_return false;
    }
    if (x.head.expects_continue() && decoder.state() == BodyDecoder::State::more && in_.empty())
        co_await stream_.write({"HTTP/1.1 100 Continue\r\n\r\n"}, x.routing->timeouts.write);
    bool disk_failed = false;
    const auto sink = [&](std::string_view content) { disk_failed = disk_failed || !x.body.append(content); };
    in_.erase(0, decoder.feed(in_, sink));
    std::size_t this_turn = 0;
    while (decoder.state() == BodyDecoder::State::more && !disk_failed &&
           x.body.size() <= limits.body_bytes) {
        if (this_turn > Worker::turn) {
            this_turn = 0;
            co_await worker_.others();
        }
        if (const auto read = stream_.try_read(worker_.scratch())) {
            if (read->error) {
                co_await refuse(Refusal::client_left, &x.head, record, {});
                co_return false;
            }
            this_turn += read->octets;
            const std::string_view octets(worker_.scratch().data(), read->octets);
            in_.append(octets.substr(decoder.feed(octets, sink)));
            continue;
        }
        const auto error = co_await stream_.readable(Clock::now() + x.routing->timeouts.body);
        if (!error) continue;
        const auto why = error == asio::error::timed_out ? Refusal::request_timeout : Refusal::client_left;
        co_await refuse(why, &x.head, record, "The request's body did not arrive in time.", 0, true);
        co_return false;
    }
    record.bytes_in = x.body.size();
    auto why = std::optional<Refusal>{};
    std::string_view detail;
    if (x.body.size() > limits.body_bytes)
        why = Refusal::body_too_large, detail = too_large;
    else if (disk_failed)
        why = Refusal::disk_full,
        detail = "The request's body could not be buffered: no room in the gateway's spool directory.";
    else if (decoder.state() == BodyDecoder::State::malformed)
        why = Refusal::bad_request, detail = "The request's chunked framing is malformed.";
    if (why) co_await refuse(*why, &x.head, record, detail, 0, true);
    co_return !why.has_value();
}

asio::awaitable<Lease> Connection::acquire(const Service& service, const std::optional<Binding>& session,
                                           std::uint64_t bytes) {
    auto lease = service.gate->enter(worker_.io(), {{}, session}, bytes, {}, Clock::now());
    if (lease.granted() || lease.refused()) co_return lease;
    watch([this, waiter = lease.shared_waiter()] {
        departed_ = true;
        waiter->ring();
    });
    while (!lease.granted() && !lease.refused() && !departed_)
        co_await lease.waiter().alarm.async_wait(asio::as_tuple(asio::use_awaitable));
    stop_watching();
    co_return lease;
}

// The answer as it comes, at the client's pace; what is written is let go. Never an invented end.
asio::awaitable<Connection::Next> Connection::deliver(Exchange& x, RequestRecord& record,
                                                      const std::string& cookie, bool keep_alive) {
    const auto ms = [](Duration d) { return std::chrono::duration<double, std::milli>(d).count(); };
    std::string extra = fmt::format(
        "Server-Timing: queue;dur={:.1f}, cold;dur={:.1f}, pod;dur={:.1f}\r\nX-Request-Id: {}\r\n{}",
        ms(x.waited.queue), ms(x.waited.cold), ms(x.answered - x.handed_over), record.request_id, cookie);
    const auto text = response_for_client(
        *x.response, {x.head.minor_version(), x.head.method() == "HEAD", keep_alive, extra});
    std::string pending = text.octets;
    record.status = x.response->status();
    std::uint64_t sent = 0, turn_began = 0;
    const auto patience = x.routing->timeouts.write;
    for (;;) {
        const auto piece = x.answer.read(sent).substr(0, piece_limit);
        const bool last = x.complete && sent + piece.size() == x.answer.size();
        std::string_view tail;
        if (text.chunked) {
            if (!piece.empty()) pending += chunk_start(piece.size());
            tail = piece.empty() ? (last ? "0\r\n\r\n" : "") : (last ? "\r\n0\r\n\r\n" : "\r\n");
        }
        const bool wrote = !pending.empty() || !piece.empty() || !tail.empty();
        if (wrote) {
            if (co_await stream_.write({pending, piece, tail}, patience)) {
                x.leave();
                record.refusal = Refusal::client_left;
                co_return Next::close;
            }
            pending.clear();
            sent += piece.size();
            record.bytes_out = sent;
            x.answer.release(sent);
            if (sent - turn_began > Worker::turn) {
                turn_began = sent;
                co_await worker_.others();
            }
        }
        if (last) co_return text.keep_alive ? Next::another : Next::lingering_close;
        if (wrote)
            continue;  // the write may have waited: what was notified meanwhile is seen only by another look
        if (x.failure || x.answer.failed() || x.client_left) break;
        x.changed.expires_at(TimePoint::max());
        co_await x.changed.async_wait(asio::as_tuple(asio::use_awaitable));
    }
    record.refusal = x.client_left ? Refusal::client_left : x.failure.value_or(Refusal::disk_full);
    if (!text.chunked && x.response->framing() != Framing::sized) stream_.reset_on_close();
    co_return Next::close;
}

asio::awaitable<Connection::Next> Connection::refuse(Refusal why, const RequestHead* head,
                                                     RequestRecord& record, std::string_view detail,
                                                     int status, bool body_unread) {
    const auto info = describe(why);
    record.status = status != 0 ? status : info.status;
    record.refusal = why;
    if (why == Refusal::client_left) co_return Next::close;
    const bool keep =
        !info.close && !body_unread && head != nullptr && head->keep_alive() && !worker_.draining();
    RefusalContext context;
    context.status = status;
    context.detail = detail;
    context.request_id = record.request_id;
    context.wants_html = head != nullptr && head->first("Accept").find("text/html") != std::string_view::npos;
    context.head_only = head != nullptr && head->method() == "HEAD";
    context.close = !keep;
    const auto text = refusal_response(why, context);
    if (co_await stream_.write({text}, worker_.routing()->timeouts.write)) co_return Next::close;
    co_return keep ? Next::another : Next::lingering_close;
}

// RFC 9112 section 9.6: read on a while after our last word, or a RST may take it from the client.
asio::awaitable<void> Connection::linger() {
    error_code ignored;
    stream_.socket().shutdown(asio::socket_base::shutdown_send, ignored);
    const auto deadline = Clock::now() + linger_time;
    for (std::size_t discarded = 0; discarded < linger_limit && Clock::now() < deadline;) {
        if (const auto read = stream_.try_read(worker_.scratch())) {
            if (read->error) break;
            discarded += read->octets;
            continue;
        }
        if (co_await stream_.readable(deadline)) break;
    }
}

// --- texts

std::optional<Binding> Connection::binding_of(const Service& service, const RequestHead& head) const {
    if (!service.affinity.cookie) return std::nullopt;
    const auto now = std::time(nullptr);
    for (const auto& field : head.fields()) {
        if (!same_name(field.name, "Cookie")) continue;
        for (const auto value : cookies_named(field.value, service.affinity.cookie_name))
            if (auto binding = worker_.shared().cookie_key.open(value, service.key, now,
                                                                service.affinity.cookie_timeout))
                return binding;
    }
    return std::nullopt;
}

// Set for a new session, when its pod changed, and now and then while it is used, so that it does not run
// out.
std::string Connection::cookie_for(const Service& service, const std::optional<Binding>& old,
                                   const Exchange& x) const {
    if (!service.affinity.cookie || !x.backend) return {};
    const auto now = std::time(nullptr);
    const auto pod = old && x.borrowed ? old->pod : x.backend->tag;
    const auto renew_after = service.affinity.cookie_timeout.count() / 30;
    if (old && old->pod == pod && now - old->issued < std::max<std::int64_t>(renew_after, 1)) return {};
    const Binding binding{old ? old->session : random64(), pod, now};
    return "Set-Cookie: " +
           set_cookie(service.affinity.cookie_name, worker_.shared().cookie_key.seal(binding, service.key),
                      service.affinity.cookie_timeout, false) +
           "\r\n";
}

std::string Connection::request_for(const RequestHead& head, const Service& service, const Exchange& x,
                                    std::string_view request_id) const {
    const auto given = head.first("traceparent");
    std::string trace(is_traceparent(given) ? given : std::string_view{});
    if (trace.empty()) trace = "00-" + hex(random64()) + hex(random64()) + "-" + hex(random64()) + "-00";
    ToPod to;
    to.client_address = peer_;
    to.client_trusted = x.routing->trusts(peer_address_);
    to.request_id = request_id;
    to.traceparent = trace;
    if (service.affinity.cookie) to.hide_cookie = service.affinity.cookie_name;
    const bool usually_has_body =
        head.method() == "POST" || head.method() == "PUT" || head.method() == "PATCH";
    if (head.framing() != Framing::none || usually_has_body) to.content_length = x.body.size();
    return request_for_pod(head, to);
}

void Connection::log(const Exchange* x, RequestRecord& record, TimePoint began) {
    record.total = Clock::now() - began;
    if (x != nullptr) {
        auto& metrics = *x->service->metrics;
        if (x->backend) record.pod = x->backend->name;
        record.queue = x->waited.queue;
        record.cold = x->waited.cold;
        record.retries = x->retries;
        const bool answered = x->handed_over != TimePoint{};
        if (answered)
            record.pod_time = (x->pod_done != TimePoint{} ? x->pod_done : Clock::now()) - x->handed_over;
        const auto status_class = record.status == 499 ? 0u : static_cast<unsigned>(record.status / 100) % 6;
        metrics.responses[status_class].fetch_add(1, std::memory_order_relaxed);
        metrics.duration[status_class].observe(record.total);
        metrics.bytes_in.fetch_add(record.bytes_in, std::memory_order_relaxed);
        metrics.bytes_out.fetch_add(record.bytes_out, std::memory_order_relaxed);
        if (record.refusal)
            metrics.refused[static_cast<std::size_t>(*record.refusal)].fetch_add(1,
                                                                                 std::memory_order_relaxed);
        if (record.request_class == 'G' && answered) {
            metrics.queue_wait.observe(record.queue);
            metrics.cold_wait.observe(record.cold);
            metrics.pod_time.observe(record.pod_time);
        }
    }
    worker_.shared().access_log.write(record);
}

// --- the client's departure

void Connection::watch(std::function<void()> on_departure) {
    on_departure_ = std::move(on_departure);
    watching_ = true;
    keep_watching();
}

void Connection::keep_watching() {
    stream_.socket().async_wait(Socket::wait_read, [self = shared_from_this()](error_code error) {
        if (error || !self->watching_) return;
        const auto read = self->stream_.try_read(self->worker_.scratch());
        if (read && read->error) {
            self->watching_ = false;
            self->on_departure_();
            return;
        }
        if (read) self->in_.append(self->worker_.scratch().data(), read->octets);  // the next request, early
        if (self->in_.size() <= self->worker_.routing()->limits.head_bytes) self->keep_watching();
    });
}

void Connection::stop_watching() {
    on_departure_ = nullptr;
    if (!watching_) return;
    watching_ = false;
    error_code ignored;
    stream_.socket().cancel(ignored);
}

}  // namespace proxy
