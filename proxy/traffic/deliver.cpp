// A request's answer on its way to the client: a pod's, a tunnel's, or our own.
#include <fmt/format.h>

#include <boost/asio.hpp>
#include <ctime>

#include "proxy/traffic/connection.hpp"
#include "proxy/traffic/forward.hpp"
#include "proxy/traffic/text.hpp"
#include "proxy/traffic/tunnel.hpp"

namespace proxy {

namespace {
constexpr std::size_t piece_limit = 256 << 10;
}

// The answer as it comes, at the client's pace; what is written is let go. Never an invented end.
asio::awaitable<Connection::Next> Connection::deliver(Visit& visit) {
    auto& x = *visit.exchange;
    auto& record = visit.record;
    const auto extra = extra_fields(visit);
    ToClient to;
    to.client_minor_version = x.head.minor_version();
    to.head_request = x.head.method() == "HEAD";
    to.keep_alive = visit.keep_alive;
    to.extra_fields = extra;
    const auto text = response_for_client(*x.response, to);
    const bool interim_given = co_await deliver_interim(x);
    if (!interim_given) co_return Next::close;
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
            x.taken.cancel();
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
    x.leave();  // nobody takes any more of it
    if (!text.chunked && x.response->framing() != Framing::sized) stream_.reset_on_close();
    co_return Next::close;
}

asio::awaitable<bool> Connection::deliver_interim(Exchange& x) {
    while (!x.interim.empty()) {
        const auto head = std::move(x.interim.front());
        x.interim.pop_front();
        if (co_await stream_.write({head}, x.routing->timeouts.write)) {
            x.leave();
            co_return false;
        }
    }
    co_return true;
}

asio::awaitable<Connection::Next> Connection::tunnel_through(Visit& visit) {
    auto& x = *visit.exchange;
    auto& record = visit.record;
    stop_watching();
    const auto extra = extra_fields(visit);
    ToClient to;
    to.extra_fields = extra;
    to.websocket = true;
    const auto text = response_for_client(*x.response, to);
    record.status = x.response->status();
    const auto pod = std::move(x.switched);
    const auto held = std::move(x.held);  // given back when the tunnel is over
    if (co_await stream_.write({text.octets}, x.routing->timeouts.write)) {
        record.refusal = Refusal::client_left;
        co_return Next::close;
    }
    if (x.stream) visit.counted.release();
    Tunnel tunnel{worker_, stream_, pod->stream, x.routing->timeouts.tunnel, x.routing->timeouts.write};
    co_await carry(tunnel, std::exchange(in_, {}), std::exchange(x.early, {}));
    record.bytes_in = tunnel.to_pod;
    record.bytes_out = tunnel.to_client;
    x.pod_done = Clock::now();
    co_return Next::close;
}

asio::awaitable<Connection::Next> Connection::refuse(Refusal why, const RequestHead* head,
                                                     RequestRecord& record, std::string_view detail,
                                                     int status, bool body_unread) {
    const auto info = describe(why);
    record.status = status != 0 ? status : info.status;
    record.refusal = why;
    if (why == Refusal::client_left) co_return Next::close;
    const bool keep = !info.close && !body_unread && head != nullptr && head->keep_alive() &&
                      head->minor_version() > 0 && worker_.keeps_alive();
    RefusalContext context;
    context.status = status;
    context.detail = detail;
    context.request_id = record.request_id;
    context.wants_html = head != nullptr && head->first("Accept").find("text/html") != std::string_view::npos;
    context.head_only = head != nullptr ? head->method() == "HEAD" : record.method == "HEAD";
    context.close = !keep;
    context.extra_fields = door_fields();
    const auto text = refusal_response(why, context);
    if (co_await stream_.write({text}, worker_.routing()->timeouts.write)) co_return Next::close;
    co_return keep ? Next::another : Next::lingering_close;
}

std::string Connection::extra_fields(const Visit& visit) const {
    const auto& x = *visit.exchange;
    const auto ms = [](Duration d) { return std::chrono::duration<double, std::milli>(d).count(); };
    auto out = fmt::format(
        "Server-Timing: queue;dur={:.1f}, cold;dur={:.1f}, pod;dur={:.1f}\r\nX-Request-Id: {}\r\n{}",
        ms(x.waited.queue), ms(x.waited.cold), ms(x.answered - x.handed_over), visit.record.request_id,
        cookie_for(visit));
    if (!x.response->has("Date")) out += fmt::format("Date: {}\r\n", http_date());  // RFC 9110 section 6.6.1
    // A proxy above us, nginx for one, would hold an event stream back until its buffer is full.
    const bool events = x.response->first("Content-Type").starts_with("text/event-stream");
    if (events && !x.response->has("X-Accel-Buffering")) out += "X-Accel-Buffering: no\r\n";
    if (!x.response->has("Strict-Transport-Security")) out += door_fields();
    return out;
}

// Set for a new session, when its pod changed, and now and then while it is used, so that it does not run
// out. What another pod than the session's own has answered changes nothing.
std::string Connection::cookie_for(const Visit& visit) const {
    const auto& x = *visit.exchange;
    const auto& affinity = x.service->affinity;
    const auto& old = visit.caller.cookie;
    if (!affinity.cookie || !x.backend || (!old && x.borrowed)) return {};
    const auto now = std::time(nullptr);
    const auto pod = old && x.borrowed ? old->pod : x.backend->tag;
    const auto renew_after = affinity.cookie_timeout.count() / 30;
    if (old && old->pod == pod && now - old->issued < std::max<std::int64_t>(renew_after, 1)) return {};
    const Binding binding{old ? old->session : random64(), pod, now};
    return "Set-Cookie: " +
           set_cookie(affinity.cookie_name, worker_.shared().cookie_key.seal(binding, x.service->key),
                      affinity.cookie_timeout, stream_.tls()) +
           "\r\n";
}

}  // namespace proxy
