// A connection beside the traffic, plain or over TLS, where Beast parses: of the admin address, on both ends,
// and to the collector. What is asked of a beast::tcp_stream, with its deadlines either way; one read and one
// write at a time, as there. Beast's own composed operations do the same, but each pair of stream and message
// is compiled anew, which took a tenth of the build.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/message.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace proxy {

namespace asio = boost::asio;

class AnyStream {
public:
    using Error = boost::system::error_code;
    using Tls = asio::ssl::stream<boost::beast::tcp_stream&>;
    using Executor = boost::beast::tcp_stream::executor_type;

    explicit AnyStream(boost::beast::tcp_stream plain) : plain_(std::move(plain)) {}
    AnyStream(const AnyStream&) = delete;
    AnyStream& operator=(const AnyStream&) = delete;
    asio::awaitable<Error> connect(const asio::ip::tcp::resolver::results_type& to);
    // From now on over TLS, which begins with handshake(). The context is kept.
    void secure_as_server(SSL_CTX* context);
    void secure_as_client_of(const std::string& host, SSL_CTX* context);  // who shows a certificate of his

    Executor get_executor() { return plain_.get_executor(); }
    asio::ip::tcp::socket& socket() { return plain_.socket(); }
    bool secure() const { return tls_.has_value(); }
    SSL* ssl() { return tls_ ? tls_->native_handle() : nullptr; }  // null: plain
    void expires_after(std::chrono::milliseconds time) { plain_.expires_after(time); }
    void expires_never() { plain_.expires_never(); }
    void cancel() { plain_.cancel(); }
    void close() { plain_.close(); }

    asio::awaitable<Error> handshake();
    // Says that nothing follows, and waits until it is heard. Not while a read is under way.
    asio::awaitable<void> end();

    struct Some {
        Error error;
        std::size_t octets = 0;
    };
    asio::awaitable<Some> read_some(asio::mutable_buffer into);
    asio::awaitable<Error> write(std::string_view octets);  // all of them

    enum class Until { head_done, some, done };  // some: whatever comes next of it
    // Reads a message through `buffer`, whose limit is that of what is not parsed yet. Errors are those of
    // boost::beast::http::async_read.
    template <bool is_request>
    asio::awaitable<Error> read(boost::beast::flat_buffer& buffer,
                                boost::beast::http::basic_parser<is_request>& parser, Until until);

private:
    Tls& secure(SSL_CTX* context, asio::ssl::stream_base::handshake_type as);

    boost::beast::tcp_stream plain_;
    std::optional<asio::ssl::context> context_;
    std::optional<Tls> tls_;
    asio::ssl::stream_base::handshake_type as_ = asio::ssl::stream_base::client;
};

// A head's fields and the empty line, as they go onto the wire.
std::string lines_of(const boost::beast::http::fields&);

}  // namespace proxy
