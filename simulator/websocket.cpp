#include "simulator/websocket.hpp"

#include <chrono>

namespace simulator {

namespace websocket = beast::websocket;
using asio::as_tuple;
using asio::use_awaitable;

namespace {

constexpr std::size_t most_message = 256u << 20;  // images travel inside
constexpr std::size_t most_unread = 64;           // then the client's sending stalls
constexpr std::chrono::seconds handshake_time{10};
constexpr std::chrono::seconds silence{40};  // Beast pings in its middle

}  // namespace

WebSocket::WebSocket(asio::ip::tcp::socket socket)
    : stream_(beast::tcp_stream(std::move(socket))), changed_(stream_.get_executor()) {
    websocket::stream_base::timeout times{};
    times.handshake_timeout = handshake_time;
    times.idle_timeout = silence;
    times.keep_alive_pings = true;
    stream_.set_option(times);
    stream_.read_message_max(most_message);
    stream_.auto_fragment(false);
}

asio::awaitable<bool> WebSocket::accept(const Request& request, const Headers& headers) {
    stream_.set_option(websocket::stream_base::decorator([headers](websocket::response_type& response) {
        for (const auto& [name, value] : headers) response.set(name, value);
    }));
    auto [error] = co_await stream_.async_accept(request, as_tuple(use_awaitable));
    if (error) co_return false;
    open_ = reading_ = true;
    asio::co_spawn(stream_.get_executor(), read(), asio::detached);
    co_return true;
}

asio::awaitable<void> WebSocket::read() {
    const auto self = shared_from_this();
    while (true) {
        std::string bytes;
        auto buffer = asio::dynamic_buffer(bytes);
        auto [error, size] = co_await stream_.async_read(buffer, as_tuple(use_awaitable));
        if (error) break;
        inbox_.push_back({std::move(bytes), stream_.got_binary()});
        changed_.ring();
        while (open_ && inbox_.size() >= most_unread) co_await changed_.wait(std::nullopt);
    }
    reading_ = false;
    ended();
}

void WebSocket::ended() {
    open_ = false;
    changed_.ring();
}

asio::awaitable<std::optional<WebSocket::Message>> WebSocket::receive(std::optional<Duration> within) {
    std::optional<TimePoint> until;
    if (within) until = Clock::now() + *within;
    while (inbox_.empty()) {
        if (!open_ || (until && Clock::now() >= *until)) co_return std::nullopt;
        co_await changed_.wait(until);
    }
    std::optional<Message> message(std::move(inbox_.front()));
    inbox_.pop_front();
    changed_.ring();  // there may be room again
    co_return message;
}

void WebSocket::post(std::string bytes, bool binary) {
    if (!open_ || closing_) return;
    outbox_.push_back({std::move(bytes), binary});
    ++posted_;
    if (writing_) return;
    writing_ = true;
    asio::co_spawn(stream_.get_executor(), write(), asio::detached);
}

asio::awaitable<void> WebSocket::write() {
    const auto self = shared_from_this();
    while (!outbox_.empty() && open_) {
        const Message message = std::move(outbox_.front());
        outbox_.pop_front();
        stream_.binary(message.binary);
        auto [error, size] =
            co_await stream_.async_write(asio::buffer(message.bytes), as_tuple(use_awaitable));
        if (error) {
            ended();
            break;
        }
        ++written_;
        changed_.ring();
    }
    writing_ = false;
    changed_.ring();
}

asio::awaitable<bool> WebSocket::send(std::string bytes, bool binary) {
    if (!open_ || closing_) co_return false;
    post(std::move(bytes), binary);
    const std::uint64_t mine = posted_;
    while (open_ && written_ < mine) co_await changed_.wait(std::nullopt);
    co_return written_ >= mine;
}

asio::awaitable<void> WebSocket::close(std::uint16_t code, std::string reason) {
    closing_ = true;
    while (open_ && writing_) co_await changed_.wait(std::nullopt);
    if (open_) {
        websocket::close_reason why(static_cast<websocket::close_code>(code));
        why.reason = reason;
        co_await stream_.async_close(why, as_tuple(use_awaitable));
    }
    ended();
    if (reading_ || writing_) {  // nothing may wait for a client that stays silent
        boost::system::error_code ignored;
        socket().close(ignored);
    }
}

void WebSocket::drop() {
    boost::system::error_code ignored;
    socket().set_option(asio::socket_base::linger(true, 0), ignored);
    socket().close(ignored);
    ended();
}

}  // namespace simulator
