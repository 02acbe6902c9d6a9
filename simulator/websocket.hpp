// A WebSocket that a client has asked for on an HTTP connection (RFC 6455): messages in both directions, a
// ping when nothing came for 20 s and an end 20 s later (uvicorn's ws_ping_interval and ws_ping_timeout), and
// the client's departure noticed while nobody reads. It runs on the one thread of its connection.
#pragma once

#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "simulator/bell.hpp"

namespace simulator {

namespace beast = boost::beast;

class WebSocket : public std::enable_shared_from_this<WebSocket> {
public:
    using Request = beast::http::request<beast::http::string_body>;
    using Headers = std::vector<std::pair<std::string, std::string>>;
    struct Message {
        std::string bytes;
        bool binary = false;
    };

    explicit WebSocket(asio::ip::tcp::socket socket);

    // Answers the upgrade with 101 and these headers, and begins to read; false: it was none, or the client
    // left.
    asio::awaitable<bool> accept(const Request& request, const Headers& headers);

    bool open() const { return open_; }  // neither side has closed it, and the client is there
    std::uint16_t close_code() const { return static_cast<std::uint16_t>(stream_.reason().code); }  // theirs

    // The next message; empty: none came in that time, or it is not open any more.
    asio::awaitable<std::optional<Message>> receive(std::optional<Duration> within = std::nullopt);

    // Comes back when the kernel has the message; false: the client has gone.
    asio::awaitable<bool> send(std::string bytes, bool binary = false);
    // The same without waiting, for whoever speaks to many: in order with everything else that is sent.
    void post(std::string bytes, bool binary = false);

    // Comes back at the next message, at its end, or at that time.
    asio::awaitable<void> changed(std::optional<TimePoint> until) { return changed_.wait(until); }

    // Sends what is left, says why, and waits for the client to say so too. Harmless when it is closed.
    asio::awaitable<void> close(std::uint16_t code = 1000, std::string reason = {});
    void drop();  // ends it without a word: the client sees a reset

    asio::ip::tcp::socket& socket() { return stream_.next_layer().socket(); }

private:
    asio::awaitable<void> read();
    asio::awaitable<void> write();
    void ended();

    beast::websocket::stream<beast::tcp_stream> stream_;
    Bell changed_;
    std::deque<Message> inbox_, outbox_;
    std::uint64_t posted_ = 0, written_ = 0;
    bool open_ = false, closing_ = false, reading_ = false, writing_ = false;
};

}  // namespace simulator
