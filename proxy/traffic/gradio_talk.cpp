#include "proxy/traffic/gradio_talk.hpp"

#include <fmt/format.h>

#include <boost/asio.hpp>

#include "proxy/awaited.hpp"
#include "proxy/traffic/refusal.hpp"

namespace proxy {

using boost::system::error_code;
using websocket::close_code;

namespace {

constexpr std::size_t held_limit = 64 << 10;  // whatever is longer is a result
constexpr std::chrono::seconds handshake_time{30};
constexpr std::chrono::seconds kept_hung_at_most{60};

bool is_want_of_ours(error_code error) {
    return error == asio::error::no_descriptors ||
           error == boost::system::errc::too_many_files_open_in_system ||
           error == asio::error::no_buffer_space || error == asio::error::no_memory;
}

// The fields of a forwarded head, without those of which the WebSocket's own handshake says its part.
void put_fields(websocket::request_type& request, std::string_view head) {
    head.remove_prefix(std::min(head.find("\r\n") + 2, head.size()));
    for (;;) {
        const auto end = head.find("\r\n");
        const auto line = head.substr(0, end);
        const auto colon = line.find(": ");
        if (end == std::string_view::npos || colon == std::string_view::npos) return;
        const auto name = line.substr(0, colon);
        constexpr std::string_view of_web_sockets = "Sec-WebSocket-";
        const bool handshake = same_name(name.substr(0, of_web_sockets.size()), of_web_sockets);
        const bool said = same_name(name, "Host") || same_name(name, "Upgrade") ||
                          same_name(name, "Connection") || same_name(name, "Content-Length");
        if (!handshake && !said) request.insert(name, line.substr(colon + 2));
        head.remove_prefix(end + 2);
    }
}

std::string_view target_of(std::string_view head) {
    const auto begin = head.find(' ') + 1;
    return head.substr(begin, head.find(' ', begin) - begin);
}

}  // namespace

GradioTalk::GradioTalk(GradioConversation& conversation, std::shared_ptr<const Backend> backend, Lease* lease)
    : c_(conversation),
      backend_(std::move(backend)),
      lease_(lease),
      clock_(conversation.worker.io(), TimePoint::max()) {}

asio::awaitable<GradioOutcome> GradioTalk::run() {
    auto outcome = co_await connect();
    if (outcome != GradioOutcome::under_way) co_return outcome;
    begin_clock();
    outcome = co_await shake_hands();
    if (outcome == GradioOutcome::under_way) outcome = co_await listen();
    clock_.cancel();
    over_ = true;
    c_.result.pod_done = Clock::now();
    co_return outcome;
}

asio::awaitable<GradioOutcome> GradioTalk::connect() {
    connection_ = c_.worker.new_pod_connection();
    const auto until = Clock::now() + c_.asked.routing->timeouts.connect;
    const auto error = co_await connection_->stream.connect(backend_->endpoint, until);
    if (is_want_of_ours(error)) co_return GradioOutcome::exhausted;
    co_return error ? GradioOutcome::unsent : GradioOutcome::under_way;
}

asio::awaitable<GradioOutcome> GradioTalk::shake_hands() {
    ws_.emplace(connection_->stream, std::string());
    const std::string_view head = c_.asked.head_for_pod;
    ws_->set_option(websocket::stream_base::decorator(
        [head](websocket::request_type& request) { put_fields(request, head); }));
    ws_->read_message_max(0);  // no bound but the spool's
    ws_->auto_fragment(false);
    ws_->write_buffer_bytes(gradio_piece);
    const std::string target(target_of(head));
    websocket::response_type response;
    connection_->stream.set_deadline(Clock::now() + handshake_time);
    auto [error] = co_await ws_->async_handshake(response, c_.asked.host, target, awaited);
    connection_->stream.set_deadline(TimePoint::max());
    if (error == websocket::error::upgrade_declined) {
        declined_status_ = static_cast<int>(response.result_int());
        co_return GradioOutcome::declined;
    }
    co_return error ? broken() : GradioOutcome::under_way;
}

// Every message of the pod, until it closes.
asio::awaitable<GradioOutcome> GradioTalk::listen() {
    std::string buffer(gradio_piece, '\0');
    for (;;) {
        auto [error, octets] = co_await ws_->async_read_some(asio::buffer(buffer), awaited);
        if (error) co_return ended(error);
        const auto outcome = co_await take(std::string_view(buffer).substr(0, octets));
        if (outcome != GradioOutcome::under_way) co_return outcome;
    }
}

// A message goes on as it comes, but for the front, which is held until it is clear that it is not for us.
asio::awaitable<GradioOutcome> GradioTalk::take(std::string_view piece) {
    reader_.feed(piece);  // what it cannot read is passed on all the same
    const bool whole = ws_->is_message_done();
    if (passing_) {
        c_.append(piece);
    } else {
        held_ += piece;
        if (!whole && held_.size() <= held_limit) co_return GradioOutcome::under_way;
        if (!whole) {
            c_.output = true;
            c_.begin(ws_->got_text());
            c_.append(held_);
            held_.clear();
            passing_ = true;
        }
    }
    if (!whole) co_return GradioOutcome::under_way;
    const auto outcome = co_await whole_message();
    held_.clear();
    passing_ = false;
    reader_ = GradioReader();
    co_return outcome;
}

asio::awaitable<GradioOutcome> GradioTalk::whole_message() {
    if (completed_) co_return GradioOutcome::under_way;  // whatever it adds
    const auto kind = reader_.finish() ? reader_.kind() : GradioKind::other;
    if (!passing_ && kind == GradioKind::send_hash) {
        const bool sent = co_await send(c_.hash_message, true);
        co_return sent ? GradioOutcome::under_way : broken();
    }
    if (!passing_ && kind == GradioKind::send_data) co_return co_await send_frame();
    pass_on(kind);
    co_return GradioOutcome::under_way;
}

// What tells of the work's progress can be told again by another pod; its results cannot.
void GradioTalk::pass_on(GradioKind kind) {
    if (passing_) {
        c_.end();
    } else {
        const bool repeatable = kind == GradioKind::estimation || kind == GradioKind::process_starts ||
                                kind == GradioKind::progress;
        c_.output = c_.output || !repeatable;
        c_.begin(ws_->got_text());
        c_.append(held_);
        c_.end();
    }
    if (kind == GradioKind::process_completed) completed();
}

// The function has returned, and with it the GPU is free; what is left is to say goodbye.
void GradioTalk::completed() {
    completed_ = true;
    c_.working = false;
    c_.result.pod_done = Clock::now();
    clock_.cancel();
    if (lease_ != nullptr && !c_.asked.on_departure) lease_->release();  // an interrupt may be under way
    connection_->stream.set_deadline(Clock::now() + gradio_closing_time);
}

asio::awaitable<bool> GradioTalk::send(std::string_view piece, bool last) {
    ws_->text(true);
    auto [error, octets] =
        co_await ws_->async_write_some(last, asio::buffer(piece.data(), piece.size()), awaited);
    co_return !error;
}

asio::awaitable<GradioOutcome> GradioTalk::send_frame() {
    const auto size = c_.frame.size();
    for (std::uint64_t sent = 0; sent < size;) {
        const auto piece = c_.frame.read(sent).substr(0, gradio_piece);
        if (piece.empty()) co_return GradioOutcome::frame_lost;
        sent += piece.size();
        const bool last = sent == size;
        if (!co_await send(piece, last)) co_return broken();
    }
    co_return GradioOutcome::under_way;
}

GradioOutcome GradioTalk::ended(error_code error) {
    if (completed_) {
        auto code = static_cast<close_code>(ws_->reason().code);
        if (error != websocket::error::closed || code == close_code::no_status || code == close_code::none)
            code = close_code::normal;
        c_.finish(code, ws_->reason().reason.c_str());
        return GradioOutcome::completed;
    }
    const bool in_order = error == websocket::error::closed && (ws_->reason().code == close_code::normal ||
                                                                ws_->reason().code == close_code::no_status);
    if (!in_order) return broken();
    c_.finish(close_code::normal, ws_->reason().reason.c_str());
    return GradioOutcome::closed;
}

GradioOutcome GradioTalk::broken() const {
    if (hung_) return GradioOutcome::hung;
    return c_.output ? GradioOutcome::broken_off : GradioOutcome::died;
}

void GradioTalk::begin_clock() {
    c_.result.handed_over = Clock::now();
    clock_.expires_at(c_.result.handed_over + c_.asked.service->timeout);
    clock_.async_wait([weak = weak_from_this()](error_code error) {
        if (const auto self = weak.lock(); self && !error) self->late();
    });
}

// Past its timeout the client is told; the pod keeps its slot a while, since its GPU may still work.
void GradioTalk::late() {
    if (completed_ || over_) return;
    hung_ = true;
    const auto seconds = std::chrono::duration<double>(Clock::now() - c_.result.handed_over).count();
    c_.fail(Refusal::pod_timeout,
            fmt::format("The pod has had the event for {:.0f} s, which is its timeout; see timeoutSeconds.",
                        seconds));
    const Duration longer = std::min<Duration>(c_.asked.service->timeout, kept_hung_at_most);
    connection_->stream.set_deadline(Clock::now() + (lease_ != nullptr ? longer : Duration::zero()));
}

}  // namespace proxy
