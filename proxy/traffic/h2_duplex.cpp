// A stream of HTTP/2 as the transport of a WebSocket, RFC 8441. Whoever uses it speaks to a client of
// HTTP/1.1: the head of the answer comes first, and only then octets.
#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <boost/asio.hpp>
#include <cstring>
#include <utility>

#include "proxy/traffic/h2_session.hpp"
#include "proxy/traffic/h2_stream.hpp"

namespace proxy {

using boost::system::error_code;

Duplex::Executor H2Stream::executor() {
    return session_->io().get_executor();
}

std::optional<Duplex::Read> H2Stream::try_read(std::span<char> into) {
    if (inbox_.empty()) {
        if (malformed_) return Read{asio::error::connection_reset, 0};
        if (received_end_) return Read{asio::error::eof, 0};
        if (closed_) return Read{asio::error::connection_reset, 0};
        return std::nullopt;
    }
    const auto octets = std::min(into.size(), inbox_.size());
    std::memcpy(into.data(), inbox_.data(), octets);
    inbox_.erase(0, octets);
    session_->consumed(id_, octets);
    return Read{{}, octets};
}

std::optional<Duplex::Read> H2Stream::try_write(std::string_view octets) {
    if (closed_ || last_) return Read{asio::error::connection_reset, 0};
    const auto all = octets.size();
    if (!answered_) {
        answer_head_ += octets;
        const auto end = answer_head_.find("\r\n\r\n");
        if (end == std::string::npos) return Read{{}, all};
        answered_ = true;
        head_ = H2Fields(std::string_view(answer_head_).substr(0, end + 2));
        outbox_ = answer_head_.substr(end + 4);
        answer_head_.clear();
        submit(true);
        return Read{{}, all};
    }
    if (!may_write()) return std::nullopt;
    octets = octets.substr(0, most_in_outbox - (outbox_.size() - outbox_sent_));
    outbox_.erase(0, std::exchange(outbox_sent_, 0));
    outbox_ += octets;
    submit(true);
    return Read{{}, octets.size()};
}

asio::awaitable<error_code> H2Stream::readable(TimePoint deadline) {
    return until(true, deadline);
}

asio::awaitable<error_code> H2Stream::writable(TimePoint deadline) {
    return until(false, deadline);
}

asio::awaitable<error_code> H2Stream::until(bool reading, TimePoint deadline) {
    auto& timer = reading ? reader_ : writer_;
    if (reading) reader_until_ = deadline;
    while (!(reading ? may_read() : may_write())) {
        const auto at = reading ? reader_until_ : deadline;
        if (interrupted_) co_return asio::error::operation_aborted;
        if (Clock::now() >= at) co_return asio::error::timed_out;
        co_await set(timer, at).async_wait(asio::as_tuple(asio::use_awaitable));
    }
    co_return error_code{};
}

void H2Stream::call_when(bool readable, Call then) {
    auto& mine = readable ? read_call_ : write_call_;
    mine = std::move(then);
    if (readable ? may_read() : may_write()) call(mine, {});
}

void H2Stream::call(Call& whom, error_code error) {
    if (whom) asio::post(session_->io(), [then = std::exchange(whom, nullptr), error] { then(error); });
}

void H2Stream::wake_reader() {
    ring(reader_);
    call(read_call_, {});
}

void H2Stream::wake_writer() {
    ring(writer_);
    if (may_write()) call(write_call_, {});
}

void H2Stream::set_deadline(TimePoint at) {
    ring(call_deadline_);
    if (at == TimePoint::max()) return;
    set(call_deadline_, at).async_wait([weak = weak_from_this()](error_code cancelled) {
        const auto self = weak.lock();
        if (cancelled || !self) return;
        self->call(self->read_call_, asio::error::operation_aborted);
        self->call(self->write_call_, asio::error::operation_aborted);
    });
}

void H2Stream::end_reading_at(TimePoint at) {
    reader_until_ = std::min(reader_until_, at);
    ring(reader_);
}

void H2Stream::interrupt() {
    interrupted_ = true;
    ring(reader_);
    ring(writer_);
    call(read_call_, asio::error::operation_aborted);
    call(write_call_, asio::error::operation_aborted);
}

void H2Stream::end_writing() {
    if (closed_ || last_ || !submitted_) return;
    last_ = true;
    session_->resume(id_);
}

void H2Stream::close() {
    interrupt();
    if (closed_) return;
    if (!sent_end_)
        session_->reset(id_, NGHTTP2_CANCEL);
    else if (!received_end_)
        session_->reset(id_, NGHTTP2_NO_ERROR);
}

void H2Stream::give_up_after(std::chrono::milliseconds unconfirmed) {
    session_->give_up_after(unconfirmed);
}

}  // namespace proxy
