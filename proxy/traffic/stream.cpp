#include "proxy/traffic/stream.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <boost/asio.hpp>
#include <utility>

#include "proxy/awaited.hpp"
#include "proxy/bounds/descriptors.hpp"

namespace proxy {

using boost::system::error_code;

namespace {}

Stream::Stream(Socket socket) : socket_(std::move(socket)) {}

std::optional<Stream::Read> Stream::try_read(std::span<char> into) {
    if (tls_) {
        const auto moved = tls_->read(into);
        if (!moved) {
            socket_.would_block(waits_for(Socket::wait_read));
            return std::nullopt;
        }
        return Read{moved->error, moved->octets};
    }
    error_code error;
    const auto octets = socket_.read_some(into, error);
    if (error == asio::error::would_block) return std::nullopt;
    return Read{error, octets};
}

std::optional<Stream::Read> Stream::try_write(std::string_view octets) {
    error_code error;
    const auto written = write_some({&octets, 1}, error);
    if (error == asio::error::would_block) return std::nullopt;
    return Read{error, written};
}

std::size_t Stream::write_some(std::span<const std::string_view> pieces, error_code& error) {
    if (tls_) {
        const auto moved = tls_->write(pieces);
        error = moved ? moved->error : asio::error::would_block;
        if (!moved) socket_.would_block(waits_for(Socket::wait_write));
        return moved ? moved->octets : 0;
    }
    return socket_.write_some(pieces, error);
}

Socket::wait_type Stream::waits_for(Socket::wait_type what) const {
    if (!tls_) return what;
    if (what == Socket::wait_read) return tls_->reading_waits_to_write() ? Socket::wait_write : what;
    return tls_->writing_waits_to_read() ? Socket::wait_read : what;
}

// A cancelled socket wakes the waits of both directions; the one that was not meant waits on.
asio::awaitable<error_code> Stream::wait(Socket::wait_type what, Wait& mine, TimePoint deadline) {
    for (;;) {
        if (interrupted_) co_return asio::error::operation_aborted;
        if (what == Socket::wait_read && tls_ && tls_->pending()) co_return error_code{};
        mine = {deadline, false};
        auto [error] = co_await socket_.async_wait(waits_for(what), awaited);
        mine.deadline = TimePoint::max();
        if (mine.expired) co_return asio::error::timed_out;
        if (error != asio::error::operation_aborted || !socket_.is_open()) co_return error;
    }
}

asio::awaitable<error_code> Stream::readable(TimePoint deadline) {
    return wait(Socket::wait_read, reading_, deadline);
}

asio::awaitable<error_code> Stream::writable(TimePoint deadline) {
    return wait(Socket::wait_write, writing_, deadline);
}

bool Stream::write_more(std::span<std::string_view> pieces, error_code& error) {
    auto written = write_some(pieces, error);
    bool all = true;
    for (auto& piece : pieces) {
        const auto here = std::min(written, piece.size());
        piece.remove_prefix(here);
        written -= here;
        all = all && piece.empty();
    }
    return all || (error && error != asio::error::would_block);
}

asio::awaitable<error_code> Stream::write(std::array<std::string_view, 3> pieces, Duration patience) {
    for (;;) {
        error_code error;
        if (write_more(pieces, error)) co_return error;
        if (!error) continue;  // if no more goes, this time it is said so
        error = co_await writable(Clock::now() + patience);
        if (error) co_return error;
    }
}

std::optional<asio::awaitable<error_code>> Stream::write_at_once(std::array<std::string_view, 3> pieces,
                                                                 Duration patience, error_code& error) {
    if (write_more(pieces, error)) return std::nullopt;
    return write(pieces, patience);
}

asio::awaitable<bool> Stream::writable_or_readable(TimePoint deadline) {
    if (interrupted_) co_return false;
    if (tls_ && tls_->pending()) co_return true;
    writing_ = {deadline, false};
    co_await socket_.async_wait(Socket::wait_either, awaited);
    writing_.deadline = TimePoint::max();
    co_return !writing_.expired && !interrupted_;
}

asio::awaitable<Stream::Written> Stream::write_unless_answered(std::string_view head, std::string_view body,
                                                               TimePoint deadline) {
    Written done;
    const auto whole = head.size() + body.size();
    for (bool waited = false;; waited = true) {
        const std::array<std::string_view, 2> pieces{head, body};
        const auto written = write_some(pieces, done.error);
        if (done.error && done.error != asio::error::would_block) co_return done;
        if (!done.error) {
            done.octets += written;
            if (done.octets == whole) co_return done;
            const auto of_head = std::min(written, head.size());
            head.remove_prefix(of_head);
            body.remove_prefix(written - of_head);
        } else if (waited) {
            co_return done;  // it was not for this that the wait ended
        }
        if (!co_await writable_or_readable(deadline)) {
            done.error = asio::error::timed_out;
            co_return done;
        }
    }
}

asio::awaitable<error_code> Stream::connect(asio::ip::tcp::endpoint to, TimePoint deadline) {
    error_code error;
    socket_.open(to.protocol(), error);
    if (error) co_return error;
    if (!descriptors().for_traffic(socket_.native_handle())) co_return asio::error::no_descriptors;
    socket_.connect(to, error);
    if (error != asio::error::would_block) co_return error;
    error = co_await writable(deadline);
    co_return error ? error : socket_.connected();
}

asio::awaitable<std::string> Stream::handshake(std::shared_ptr<const TlsContext> context,
                                               TimePoint deadline) {
    TlsTransport& below = *this;
    auto session = std::make_unique<TlsSession>(std::move(context), below);
    for (;;) {
        const auto step = session->handshake();
        if (step == TlsSession::Step::failed) co_return session->trouble();
        if (step == TlsSession::Step::done) break;
        const auto what = step == TlsSession::Step::wants_to_read ? Socket::wait_read : Socket::wait_write;
        socket_.would_block(what);
        const auto error = co_await wait(what, reading_, deadline);
        if (error == asio::error::timed_out) co_return "it took too long";
        if (error) co_return error.message();
    }
    tls_ = std::move(session);
    co_return std::string{};
}

void Stream::end_writing() {
    if (tls_) tls_->end();
    error_code ignored;
    socket_.shutdown(asio::socket_base::shutdown_send, ignored);
}

void Stream::close() {
    error_code ignored;
    socket_.close(ignored);
}

void Stream::give_up_after(std::chrono::milliseconds unconfirmed) {
    const auto limit = static_cast<unsigned>(unconfirmed.count());
    ::setsockopt(static_cast<int>(socket_.native_handle()), IPPROTO_TCP, TCP_USER_TIMEOUT, &limit,
                 sizeof limit);
}

void Stream::expire(TimePoint now) {
    bool over = false;
    for (auto* wait : {&reading_, &writing_, &others_}) {
        if (now < wait->deadline) continue;
        *wait = {TimePoint::max(), true};
        over = true;
    }
    if (!over) return;
    socket_.cancel();
}

void Stream::end_reading_at(TimePoint at) {
    reading_.deadline = std::min(reading_.deadline, at);
}

void Stream::interrupt() {
    interrupted_ = true;
    socket_.cancel();
}

void Stream::reset_on_close() {
    socket_.reset_on_close();
}

}  // namespace proxy
