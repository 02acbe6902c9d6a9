// A client's connection to the admin address, plain or over TLS: what is asked of a beast::tcp_stream, with
// its deadlines either way. One read and one write at a time, as there.
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <memory>
#include <optional>

#include "proxy/tls/context.hpp"

namespace admin {

namespace asio = boost::asio;

class Stream {
public:
    using executor_type = boost::beast::tcp_stream::executor_type;

    // `tls` null: plain.
    Stream(asio::ip::tcp::socket socket, std::shared_ptr<const proxy::TlsContext> tls)
        : plain_(std::move(socket)), context_(std::move(tls)) {
        if (!context_) return;
        SSL_CTX_up_ref(context_->context());  // asio's holder lets go of one
        holder_.emplace(context_->context());
        tls_.emplace(plain_, *holder_);
    }

    executor_type get_executor() { return plain_.get_executor(); }
    asio::ip::tcp::socket& socket() { return plain_.socket(); }
    bool secure() const { return tls_.has_value(); }
    void expires_after(std::chrono::milliseconds time) { plain_.expires_after(time); }
    void expires_never() { plain_.expires_never(); }
    void cancel() { plain_.cancel(); }
    void close() { plain_.close(); }

    asio::awaitable<boost::system::error_code> handshake() {
        if (!tls_) co_return boost::system::error_code{};
        const auto [error] = co_await tls_->async_handshake(asio::ssl::stream_base::server,
                                                            asio::as_tuple(asio::use_awaitable));
        co_return error;
    }
    // Says that nothing follows, and waits until it is heard. Not while a read is under way.
    asio::awaitable<void> end() {
        if (tls_) co_await tls_->async_shutdown(asio::as_tuple(asio::use_awaitable));
    }
    // What the client has shown and the authorities vouch for; null: nothing.
    proxy::OpenSsl<X509> client_certificate() {
        auto* const ssl = tls_ ? tls_->native_handle() : nullptr;
        if (ssl == nullptr || SSL_get_verify_result(ssl) != X509_V_OK) return nullptr;
        return proxy::OpenSsl<X509>(SSL_get1_peer_certificate(ssl));
    }

    template <class Buffers, class Token>
    auto async_read_some(const Buffers& buffers, Token&& token) {
        if (tls_) return tls_->async_read_some(buffers, std::forward<Token>(token));
        return plain_.async_read_some(buffers, std::forward<Token>(token));
    }
    template <class Buffers, class Token>
    auto async_write_some(const Buffers& buffers, Token&& token) {
        if (tls_) return tls_->async_write_some(buffers, std::forward<Token>(token));
        return plain_.async_write_some(buffers, std::forward<Token>(token));
    }

private:
    boost::beast::tcp_stream plain_;
    std::shared_ptr<const proxy::TlsContext> context_;
    std::optional<asio::ssl::context> holder_;
    std::optional<asio::ssl::stream<boost::beast::tcp_stream&>> tls_;
};

}  // namespace admin
