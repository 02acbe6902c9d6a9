#include "proxy/traffic/stream.hpp"

#include <boost/asio.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <utility>

#include "proxy/bounds/descriptors.hpp"

namespace proxy {

using boost::system::error_code;

namespace {
constexpr auto as_tuple_awaitable = asio::as_tuple(asio::use_awaitable);
}

Stream::Stream(Socket socket) : socket_(std::move(socket)) {
    error_code ignored;
    if (socket_.is_open()) {
        socket_.non_blocking(true, ignored);
        socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
    }
}

std::optional<Stream::Read> Stream::try_read(std::span<char> into) {
    error_code error;
    const auto octets = socket_.read_some(asio::buffer(into.data(), into.size()), error);
    if (error == asio::error::would_block) return std::nullopt;
    return Read{error, octets};
}

std::optional<Stream::Read> Stream::try_write(std::string_view octets) {
    error_code error;
    const auto written = socket_.write_some(asio::buffer(octets.data(), octets.size()), error);
    if (error == asio::error::would_block) return std::nullopt;
    return Read{error, written};
}

// A cancelled socket wakes the waits of both directions; the one that was not meant waits on.
asio::awaitable<error_code> Stream::wait(Socket::wait_type what, Wait& mine, TimePoint deadline) {
    for (;;) {
        if (interrupted_) co_return asio::error::operation_aborted;
        mine = {deadline, false};
        auto [error] = co_await socket_.async_wait(what, as_tuple_awaitable);
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

asio::awaitable<error_code> Stream::write(std::array<std::string_view, 3> pieces, Duration patience) {
    std::array<asio::const_buffer, 3> buffers;
    for (std::size_t i = 0; i < pieces.size(); ++i)
        buffers[i] = asio::const_buffer(pieces[i].data(), pieces[i].size());
    while (asio::buffer_size(buffers) > 0) {
        error_code error;
        auto written = socket_.write_some(buffers, error);
        if (error && error != asio::error::would_block) co_return error;
        if (!error)
            for (auto& buffer : buffers) {
                const auto here = std::min(written, buffer.size());
                buffer += here;
                written -= here;
            }
        if (asio::buffer_size(buffers) == 0) break;
        error = co_await writable(Clock::now() + patience);
        if (error) co_return error;
    }
    co_return error_code{};
}

asio::awaitable<bool> Stream::writable_or_readable(TimePoint deadline) {
    using namespace asio::experimental::awaitable_operators;
    if (interrupted_) co_return false;
    writing_ = {deadline, false};
    co_await (socket_.async_wait(Socket::wait_write, as_tuple_awaitable) ||
              socket_.async_wait(Socket::wait_read, as_tuple_awaitable));
    writing_.deadline = TimePoint::max();
    co_return !writing_.expired && !interrupted_;
}

asio::awaitable<Stream::Written> Stream::write_unless_answered(std::string_view head, std::string_view body,
                                                               TimePoint deadline) {
    Written done;
    const auto whole = head.size() + body.size();
    for (bool waited = false;; waited = true) {
        const std::array<asio::const_buffer, 2> buffers{asio::const_buffer(head.data(), head.size()),
                                                        asio::const_buffer(body.data(), body.size())};
        const auto written = socket_.write_some(buffers, done.error);
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
    socket_.non_blocking(true, error);
    socket_.set_option(asio::ip::tcp::no_delay(true), error);
    if (interrupted_) co_return asio::error::operation_aborted;
    writing_ = {deadline, false};
    auto [connect_error] = co_await socket_.async_connect(to, as_tuple_awaitable);
    writing_.deadline = TimePoint::max();
    if (writing_.expired) connect_error = asio::error::timed_out;
    co_return connect_error;
}

void Stream::expire(TimePoint now) {
    bool over = false;
    for (auto* wait : {&reading_, &writing_, &others_}) {
        if (now < wait->deadline) continue;
        *wait = {TimePoint::max(), true};
        over = true;
    }
    if (!over) return;
    error_code ignored;
    socket_.cancel(ignored);
}

void Stream::end_reading_at(TimePoint at) {
    reading_.deadline = std::min(reading_.deadline, at);
}

void Stream::interrupt() {
    interrupted_ = true;
    error_code ignored;
    socket_.cancel(ignored);
}

void Stream::reset_on_close() {
    error_code ignored;
    socket_.set_option(asio::socket_base::linger(true, 0), ignored);
}

}  // namespace proxy
