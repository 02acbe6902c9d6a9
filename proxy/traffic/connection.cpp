#include "proxy/traffic/connection.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <boost/asio.hpp>
#include <utility>

#include "proxy/bounds/what_of.hpp"
#include "proxy/log.hpp"
#include "proxy/traffic/h2_session.hpp"
#include "proxy/traffic/linger.hpp"

namespace proxy {

using boost::system::error_code;

namespace {

// RFC 9113 section 3.4. Its front is a head of HTTP/1.1 to whoever knows no better.
constexpr std::string_view http2_preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr std::size_t room_kept_when_idle = 1 << 10;  // of what a connection reads into: most heads fit

}  // namespace

Connection::Connection(Worker& worker, Socket socket, std::shared_ptr<const Door> door, std::string early)
    : worker_(worker), stream_(std::move(socket)), in_(std::move(early)) {
    arrival_.door = std::move(door);
    error_code error;
    const auto peer = stream_.socket().remote_endpoint(error);
    if (!error) arrival_.address = peer.address(), arrival_.peer = peer.address().to_string();
    worker_.watch(stream_);
    ++worker_.shared().connections;
}

Connection::~Connection() {
    worker_.remove(*this);
    --worker_.shared().connections;
}

// One try to say so, no wait.
bool Connection::take_place() {
    const auto& routing = *worker_.routing();
    if (routing.trusts(arrival_.address)) return true;
    auto place = worker_.shared().bounds.peers.enter(arrival_.address, routing.limits.connections_per_peer);
    if (place) return place_ = std::move(*place), true;
    count(worker_.shared().bounds.over_peer_limit);
    RefusalContext context;
    context.detail = "Your address has as many connections as it may have (limits.connectionsPerPeer).";
    if (!arrival_.door || !arrival_.door->tls)
        stream_.try_write(refusal_response(Refusal::overloaded, context));
    return false;
}

void Connection::start() {
    if (!take_place()) return;
    worker_.add(*this);
    asio::co_spawn(worker_.io(), run(), [self = shared_from_this()](std::exception_ptr error) {
        if (!error) return;
        log_of(LogOf::proxy)
            .about({{"client", self->arrival_.peer}})
            .error(
                "the connection of {} ended by an exception (a fault of the gateway, please report it): {}",
                self->arrival_.peer, what_of(error));
    });
}

void Connection::close() {
    error_code ignored;
    stream_.socket().close(ignored);
}

void Connection::drain() {
    if (const auto session = http2_.lock()) return session->drain();
    if (!between_requests_ || first_) return;  // a first request may be on its way; it gets its 503
    stream_.end_writing();
    error_code ignored;
    stream_.socket().shutdown(asio::socket_base::shutdown_both, ignored);  // ends the wait for a head
}

// What TLS and a PROXY header have said before is known here only.
bool Connection::may_pass() const {
    return worker_.passes_on() && arrival_.door && !arrival_.door->tls && !arrival_.door->proxy_protocol;
}

void Connection::move_on() {
    if (http2_.expired() && may_pass()) {
        if (between_requests_) stream_.socket().cancel();  // read_head() sees why
    } else {
        drain();
    }
}

bool Connection::pass() {
    const int descriptor = ::fcntl(stream_.socket().native_handle(), F_DUPFD_CLOEXEC, 0);
    if (descriptor < 0) return false;
    worker_.passes_on()(descriptor, std::exchange(in_, {}), arrival_.door);
    return true;
}

asio::awaitable<void> Connection::run() {
    struct Ending {  // also of a frame that is unwound, or destroyed where it waits
        Connection& mine;
        bool regular = false;
        ~Ending() { regular ? mine.close() : mine.abandon(); }
    } ending{*this};
    bool welcome = false;
    {
        Idle idle(stream_);  // who has not yet said who he is asks for nothing
        if (arrival_.door) worker_.idle_line().join(idle);
        welcome = co_await greet();
    }
    if (welcome && stream_.alpn() == "h2")
        co_await serve_http2();
    else if (welcome)
        co_await serve_requests();
    ending.regular = true;
}

// Nobody goes on with it: its answer may be half written.
void Connection::abandon() {
    count(worker_.shared().bounds.failures);
    stop_watching();
    stream_.reset_on_close();
    close();
}

asio::awaitable<void> Connection::serve_requests() {
    auto next = Next::another;
    while (next == Next::another) {
        waited_ = first_;
        const auto length = co_await read_head();
        if (length == 0) break;
        if (may_be_http2() && in_.starts_with(http2_preface.substr(0, length)))
            co_return co_await serve_http2();
        between_requests_ = false;
        if (!waited_) co_await worker_.others();  // or who never stops asking would be the only one
        auto parsed = parse_request(std::string_view(in_).substr(0, length), worker_.routing()->head_limits);
        if (auto* error = std::get_if<HeadError>(&parsed)) {
            const auto detail = fmt::format("The request was refused: {}.", error->reason);
            next = co_await turn_away(Refusal::bad_request, detail, error->status);
            break;
        }
        drop_from_in(length);
        next = co_await serve(std::move(std::get<RequestHead>(parsed)));
        between_requests_ = true;
        first_ = false;
        const bool ends = !worker_.keeps_alive() || (worker_.passes_on() && !may_pass());
        if (ends && next == Next::another) next = Next::lingering_close;
    }
    if (next == Next::lingering_close) co_await linger();
    if (next == Next::another && stream_.tls()) stream_.end_writing();  // nothing is missing: say so
}

void Connection::drop_from_in(std::size_t octets) {
    in_.erase(0, octets);
    if (in_.empty() && in_.capacity() > room_kept_when_idle) in_.shrink_to_fit();
}

asio::awaitable<void> Connection::serve_http2() {
    auto early = std::exchange(in_, {});
    const auto session = std::make_shared<H2Session>(worker_, stream_, arrival_, shared_from_this());
    http2_ = session;
    const bool said_something = co_await session->run(std::move(early));
    if (said_something) co_await linger();
}

asio::awaitable<Connection::Next> Connection::serve(RequestHead request) {
    body_ = BodyDecoder(request.framing(), request.content_length());
    Visit visit(worker_, arrival_, *this, request);
    const auto next = co_await visit.answer(std::move(request));
    stop_watching();
    chunk_ = {};
    visit.log();
    co_return next;
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
    bool begun = first_ || !in_.empty();  // the time of the first head runs from the accept
    std::optional<Idle> idle;
    if (in_.empty()) worker_.idle_line().join(idle.emplace(stream_));
    for (int empty_lines = 0;;) {
        if (may_pass() && pass()) co_return 0;
        for (; empty_lines < 2 && in_.starts_with("\r\n"); ++empty_lines)
            in_.erase(0, 2);  // RFC 9112 section 2.2
        const auto length = head_length(in_, searched);
        const bool too_long = (length > 0 ? length : in_.size()) > limit();
        if (length > 0 && !too_long) co_return length;
        const auto head = std::string_view(in_).substr(0, length > 0 ? length : in_.size());
        const bool may_be_preface = may_be_http2() && http2_preface.starts_with(in_);
        const auto wrong = may_be_preface || head.empty()
                               ? std::nullopt
                               : refused_early(head, worker_.routing()->head_limits, searched);
        if (wrong || too_long) {
            const auto detail = wrong ? fmt::format("The request was refused: {}.", wrong->reason)
                                      : fmt::format("The request's head is longer than {} octets.", limit());
            const int status = wrong ? wrong->status : 431;
            co_await turn_away(Refusal::bad_request, detail, status);
            co_await linger();
            co_return 0;
        }
        searched = in_.size();
        if (const auto read = stream_.try_read(worker_.scratch())) {
            if (read->error) co_return 0;
            if (!std::exchange(begun, true)) deadline = Clock::now() + timeouts.head;
            idle.reset();
            in_.append(worker_.scratch().data(), read->octets);
            continue;
        }
        if (worker_.draining() && in_.empty()) co_return 0;
        const auto error = co_await stream_.readable(deadline);
        waited_ = true;
        if (error == asio::error::operation_aborted && may_pass()) continue;
        if (error == asio::error::timed_out && begun) count(worker_.shared().bounds.slow_heads);
        if (error == asio::error::timed_out && !in_.empty())
            co_await turn_away(Refusal::request_timeout,
                               "The request's head did not arrive in time (spec.timeouts.head).");
        if (error) co_return 0;
    }
}

// Before there is a head to go by.
asio::awaitable<Connection::Next> Connection::turn_away(Refusal why, std::string_view detail, int status) {
    const auto began = Clock::now();
    RequestRecord record;
    record.client = arrival_.peer;
    record.status = status != 0 ? status : describe(why).status;
    record.refusal = why;
    RefusalContext context;
    context.status = status;
    context.detail = detail;
    context.close = true;
    context.head_only = in_.starts_with("HEAD ");  // its answer has no content, whatever else is wrong
    if (arrival_.door) context.extra_fields = arrival_.door->fields;
    const auto text = refusal_response(why, context);
    const auto error = co_await write_text(text, worker_.routing()->timeouts.write);
    record.total = Clock::now() - began;
    worker_.shared().access_log.write(record);
    co_return error ? Next::close : Next::lingering_close;
}

// RFC 9112 section 9.6: read on a while after our last word, or a RST may take it from the client.
asio::awaitable<void> Connection::linger() {
    stream_.end_writing();
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

// --- the client of a request

Client::Content Connection::take_content(ContentTaker& taker) {
    const auto sink = [&](std::string_view content) { taker.take(content); };
    const auto found = [this](Content so_far) {
        using State = BodyDecoder::State;
        if (body_.state() == State::malformed) return Content::malformed;
        return body_.state() == State::done ? Content::whole : so_far;
    };
    if (!in_.empty() || body_.state() != BodyDecoder::State::more) {
        in_.erase(0, body_.feed(in_, sink));
        return found(Content::some);
    }
    const auto read = stream_.try_read(worker_.scratch());
    if (!read) return Content::none_yet;
    if (read->error) return Content::gone;
    const std::string_view octets(worker_.scratch().data(), read->octets);
    in_.append(octets.substr(body_.feed(octets, sink)));
    return found(Content::some);
}

bool Connection::begin(const ResponseHead& response, const ToClient& to) {
    auto text = response_for_client(response, to);
    head_ = std::move(text.octets);
    chunked_ = text.chunked;
    ends_by_itself_ = text.chunked || response.framing() == Framing::sized;
    return text.keep_alive;
}

void Connection::begin(std::string head_of_our_own, bool chunked) {
    head_ = std::move(head_of_our_own);
    chunked_ = ends_by_itself_ = chunked;
}

// The head or a chunk's size before the piece, the chunk's end behind it; all stay until they are written.
std::optional<Client::Done> Connection::write_content(std::string_view piece, bool last, Duration patience,
                                                      error_code& error) {
    chunk_ = std::exchange(head_, {});
    std::string_view tail;
    if (chunked_) {
        if (!piece.empty()) chunk_ += chunk_start(piece.size());
        tail = piece.empty() ? (last ? "0\r\n\r\n" : "") : (last ? "\r\n0\r\n\r\n" : "\r\n");
    }
    return stream_.write_at_once({chunk_, piece, tail}, patience, error);
}

void Connection::break_off() {
    if (!ends_by_itself_) stream_.reset_on_close();
}

// --- the client's departure

void Connection::watch(std::function<void()> on_departure) {
    on_departure_ = std::move(on_departure);
    watching_ = true;
    ++watches_;
    keep_watching();
}

void Connection::keep_watching() {
    stream_.when_readable([self = shared_from_this(), mine = watches_](error_code error) {
        if (error || !self->watching_ || self->watches_ != mine) return;
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
    stream_.forget_readable();
}

}  // namespace proxy
