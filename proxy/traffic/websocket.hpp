// A WebSocket over one of our sockets, for a gateway that speaks the protocol itself (RFC 6455). Never with
// permessage-deflate: images do not shrink, and its memory is the client's to choose.
#pragma once

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core/bind_handler.hpp>
#include <boost/beast/websocket.hpp>
#include <string>
#include <utility>

#include "proxy/traffic/stream.hpp"

namespace proxy {

namespace beast = boost::beast;
namespace websocket = boost::beast::websocket;

// A socket of which some octets have been read already: they come first. The stream must outlive it; its
// deadline ends reads and writes alike.
class ReplayedSocket {
public:
    using next_layer_type = Socket;
    using executor_type = Socket::executor_type;

    ReplayedSocket(Stream& stream, std::string early) : stream_(stream), early_(std::move(early)) {}

    void end_writing() { stream_.end_writing(); }
    Socket& next_layer() { return stream_.socket(); }
    const Socket& next_layer() const { return stream_.socket(); }
    executor_type get_executor() { return stream_.socket().get_executor(); }

    template <class Buffers, class Token>
    auto async_read_some(const Buffers& into, Token&& token) {
        const auto start = [this](auto handler, const Buffers& buffers) {
            if (early_.empty()) return move_some<true>(buffers, std::move(handler));
            const auto octets = asio::buffer_copy(buffers, asio::buffer(early_));
            early_.erase(0, octets);
            if (early_.empty()) early_.shrink_to_fit();
            asio::post(get_executor(),
                       beast::bind_front_handler(std::move(handler), boost::system::error_code{}, octets));
        };
        return asio::async_initiate<Token, void(boost::system::error_code, std::size_t)>(start, token, into);
    }

    template <class Buffers, class Token>
    auto async_write_some(const Buffers& from, Token&& token) {
        const auto start = [this](auto handler, const Buffers& buffers) {
            move_some<false>(buffers, std::move(handler));
        };
        return asio::async_initiate<Token, void(boost::system::error_code, std::size_t)>(start, token, from);
    }

private:
    // One try at once, then one after each time that the socket is ready; completed as if posted.
    template <bool reading, class Buffers, class Handler>
    void move_some(const Buffers& buffers, Handler handler) {
        const auto begin = asio::buffer_sequence_begin(buffers), end = asio::buffer_sequence_end(buffers);
        auto buffer = begin;
        while (buffer != end && asio::buffer_size(*buffer) == 0) ++buffer;
        std::optional<Stream::Read> moved = Stream::Read{};
        if (buffer != end) {
            if constexpr (reading) {
                const asio::mutable_buffer one(*buffer);
                moved = stream_.try_read({static_cast<char*>(one.data()), one.size()});
            } else {
                const asio::const_buffer one(*buffer);
                moved = stream_.try_write({static_cast<const char*>(one.data()), one.size()});
            }
        }
        if (moved) {
            asio::post(get_executor(),
                       beast::bind_front_handler(std::move(handler), moved->error, moved->octets));
            return;
        }
        stream_.when_ready(reading, [this, buffers, handler = std::move(handler)](auto error) mutable {
            if (error)
                std::move(handler)(error, std::size_t{0});
            else
                move_some<reading>(buffers, std::move(handler));
        });
    }

    Stream& stream_;
    std::string early_;
};

// What Beast calls when one of its own deadlines ends; it has none here.
inline void beast_close_socket(Socket& socket) {
    boost::system::error_code ignored;
    socket.close(ignored);
}

// Beast's own waits for the peer's end of the connection, and no deadline of ours would end that. Who must
// see our last word is waited for by whoever owns the socket.
inline void teardown(beast::role_type, ReplayedSocket& socket, boost::system::error_code& error) {
    error = {};
    socket.end_writing();
}
template <class Handler>
void async_teardown(beast::role_type, ReplayedSocket& socket, Handler&& handler) {
    socket.end_writing();
    asio::post(socket.get_executor(),
               beast::bind_front_handler(std::forward<Handler>(handler), boost::system::error_code{}));
}

using WebSocket = websocket::stream<ReplayedSocket, false>;

}  // namespace proxy
