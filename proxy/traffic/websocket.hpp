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

    Socket& next_layer() { return stream_.socket(); }
    const Socket& next_layer() const { return stream_.socket(); }
    executor_type get_executor() { return stream_.socket().get_executor(); }

    template <class Buffers, class Token>
    auto async_read_some(const Buffers& into, Token&& token) {
        const auto start = [this](auto handler, const Buffers& buffers) {
            if (early_.empty()) return next_layer().async_read_some(buffers, std::move(handler));
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
        return next_layer().async_write_some(from, std::forward<Token>(token));
    }

private:
    Stream& stream_;
    std::string early_;
};

// RFC 6455 section 7.1.1: after the closing handshake the connection goes as any other socket's.
inline void teardown(beast::role_type role, ReplayedSocket& socket, boost::system::error_code& error) {
    websocket::teardown(role, socket.next_layer(), error);
}
template <class Handler>
void async_teardown(beast::role_type role, ReplayedSocket& socket, Handler&& handler) {
    websocket::async_teardown(role, socket.next_layer(), std::forward<Handler>(handler));
}

using WebSocket = websocket::stream<ReplayedSocket, false>;

}  // namespace proxy
