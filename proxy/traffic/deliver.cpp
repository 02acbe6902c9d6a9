// A request's answer on its way to the client: a pod's, a tunnel's, or our own.
#include <fmt/format.h>

#include <algorithm>
#include <boost/asio.hpp>
#include <ctime>

#include "proxy/traffic/forward.hpp"
#include "proxy/traffic/text.hpp"
#include "proxy/traffic/tunnel.hpp"
#include "proxy/traffic/visit.hpp"

namespace proxy {

namespace {

constexpr std::size_t piece_limit = 256 << 10;

void append_milliseconds(std::string& out, Duration time) {
    const auto tenths =
        std::max<std::int64_t>(std::chrono::round<std::chrono::microseconds>(time).count() + 50, 0) / 100;
    out += fmt::format_int(tenths / 10).c_str();
    out += '.';
    out += static_cast<char>('0' + tenths % 10);
}

}  // namespace

// The answer as it comes, at the client's pace; what is written is let go. Never an invented end.
asio::awaitable<Visit::Next> Visit::deliver() {
    auto& x = *exchange_;
    const auto extra = extra_fields();
    ToClient to;
    to.client_minor_version = x.head.minor_version();
    to.head_request = x.head.method() == "HEAD";
    to.keep_alive = keep_alive_;
    to.extra_fields = extra;
    if (!x.interim.empty()) {
        const bool given = co_await deliver_interim();
        if (!given) co_return Next::close;
    }
    const bool reusable = client_.begin(*x.response, to);
    record_.status = x.response->status();
    bool begun = false;
    std::uint64_t sent = 0, turn_began = 0;
    for (;;) {
        const auto piece = x.answer.read(sent).substr(0, piece_limit);
        const bool last = x.complete && sent + piece.size() == x.answer.size();
        if (!begun || !piece.empty() || last) {
            boost::system::error_code error;
            auto going = client_.write_content(piece, last, x.routing->timeouts.write, error);
            if (going) error = co_await std::move(*going);
            if (error) {
                x.leave();
                record_.refusal = Refusal::client_left;
                co_return Next::close;
            }
            begun = true;
            sent += piece.size();
            record_.bytes_out = sent;
            x.answer.release(sent);
            x.taken.notify();
            if (sent - turn_began > Worker::turn) {
                turn_began = sent;
                co_await worker_.others();
            }
            if (last) co_return reusable ? Next::another : Next::lingering_close;
            continue;  // the write may have waited: what was notified meanwhile is seen only by another look
        }
        if (x.failure || x.answer.failed() || x.client_left) break;
        co_await x.changed.async_wait(asio::as_tuple(asio::use_awaitable));
    }
    record_.refusal = x.client_left ? Refusal::client_left : x.failure.value_or(Refusal::disk_full);
    x.leave();  // nobody takes any more of it
    client_.break_off();
    co_return Next::close;
}

asio::awaitable<bool> Visit::deliver_interim() {
    auto& x = *exchange_;
    while (!x.interim.empty()) {
        const auto head = std::move(x.interim.front());
        x.interim.pop_front();
        if (co_await client_.write_text(head, x.routing->timeouts.write)) {
            x.leave();
            co_return false;
        }
    }
    co_return true;
}

asio::awaitable<Visit::Next> Visit::tunnel_through() {
    auto& x = *exchange_;
    client_.stop_watching();
    const auto extra = extra_fields();
    ToClient to;
    to.extra_fields = extra;
    to.websocket = true;
    const auto text = response_for_client(*x.response, to);
    record_.status = x.response->status();
    const auto pod = std::move(x.switched);
    const auto held = std::move(x.held);  // given back when the tunnel is over
    if (co_await write_all(client_.duplex(), text.octets, x.routing->timeouts.write)) {
        record_.refusal = Refusal::client_left;
        co_return Next::close;
    }
    if (x.stream) counted_.release();
    Tunnel tunnel{worker_, client_.duplex(), pod->stream, x.routing->timeouts.tunnel,
                  x.routing->timeouts.write};
    auto from_client = client_.take_early(), from_pod = std::exchange(x.early, {});
    co_await carry(tunnel, std::move(from_client), std::move(from_pod));
    record_.bytes_in = tunnel.to_pod;
    record_.bytes_out = tunnel.to_client;
    x.pod_done = Clock::now();
    if (x.trace) x.trace->end_try(x.pod_done, record_.status);
    co_return Next::close;
}

asio::awaitable<Visit::Next> Visit::refuse(Refusal why, const RequestHead& head, std::string_view detail,
                                           int status, bool body_unread) {
    const auto info = describe(why);
    record_.status = status != 0 ? status : info.status;
    record_.refusal = why;
    if (why == Refusal::client_left) co_return Next::close;
    const bool keep =
        !info.close && !body_unread && head.keep_alive() && head.minor_version() > 0 && worker_.keeps_alive();
    RefusalContext context;
    context.status = status;
    context.detail = detail;
    context.request_id = record_.request_id;
    context.wants_html = head.first("Accept").find("text/html") != std::string_view::npos;
    context.head_only = head.method() == "HEAD";
    context.close = !keep;
    context.extra_fields = door_fields();
    const auto text = refusal_response(why, context);
    if (co_await client_.write_text(text, worker_.routing()->timeouts.write)) co_return Next::close;
    co_return keep ? Next::another : Next::lingering_close;
}

std::string Visit::extra_fields() const {
    const auto& x = *exchange_;
    std::string out;
    out.reserve(512);
    append_milliseconds(out += "Server-Timing: queue;dur=", x.waited.queue);
    append_milliseconds(out += ", cold;dur=", x.waited.cold);
    append_milliseconds(out += ", pod;dur=", x.answered - x.handed_over);
    ((out += "\r\nX-Request-Id: ") += record_.request_id) += "\r\n";
    append_cookie_for_client(out);
    if (!x.response->has("Date")) ((out += "Date: ") += http_date()) += "\r\n";  // RFC 9110 section 6.6.1
    // A proxy above us, nginx for one, would hold an event stream back until its buffer is full.
    const bool events = x.response->first("Content-Type").starts_with("text/event-stream");
    if (events && !x.response->has("X-Accel-Buffering")) out += "X-Accel-Buffering: no\r\n";
    if (!x.response->has("Strict-Transport-Security")) out += door_fields();
    return out;
}

// Set for a new session, when its pod changed, and now and then while it is used, so that it does not run
// out. What another pod than the session's own has answered changes nothing.
void Visit::append_cookie_for_client(std::string& out) const {
    const auto& x = *exchange_;
    const auto& affinity = x.service->affinity;
    const auto& old = caller_.cookie;
    if (!affinity.cookie || !x.backend || (!old && x.borrowed)) return;
    const auto now = std::time(nullptr);
    const auto pod = old && x.borrowed ? old->pod : x.backend->tag;
    const auto renew_after = affinity.cookie_timeout.count() / 30;
    if (old && old->pod == pod && now - old->issued < std::max<std::int64_t>(renew_after, 1)) return;
    const Binding binding{old ? old->session : random64(), pod, now};
    out += "Set-Cookie: ";
    out += set_cookie(affinity.cookie_name, worker_.shared().cookie_key.seal(binding, x.service->key),
                      affinity.cookie_timeout, arrival_.tls != nullptr);
    out += "\r\n";
}

}  // namespace proxy
