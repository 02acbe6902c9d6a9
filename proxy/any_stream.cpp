#include "proxy/any_stream.hpp"

#include <algorithm>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/beast/http/error.hpp>

#include "proxy/awaited.hpp"
#include "proxy/traffic/text.hpp"

namespace proxy {

namespace http = boost::beast::http;

asio::awaitable<AnyStream::Error> AnyStream::connect(const asio::ip::tcp::resolver::results_type& to) {
    const auto [error, at] = co_await plain_.async_connect(to, awaited);
    co_return error;
}

AnyStream::Tls& AnyStream::secure(SSL_CTX* context, asio::ssl::stream_base::handshake_type as) {
    SSL_CTX_up_ref(context);  // asio's holder lets go of one
    context_.emplace(context);
    as_ = as;
    return tls_.emplace(plain_, *context_);
}

void AnyStream::secure_as_server(SSL_CTX* context) {
    secure(context, Tls::server);
}

void AnyStream::secure_as_client_of(const std::string& host, SSL_CTX* context) {
    auto& tls = secure(context, Tls::client);
    Error no_address;
    asio::ip::make_address(host, no_address);
    tls.set_verify_mode(asio::ssl::verify_peer);
    tls.set_verify_callback(asio::ssl::host_name_verification(host));
    if (no_address) SSL_set_tlsext_host_name(tls.native_handle(), host.c_str());  // RFC 6066 section 3
}

asio::awaitable<AnyStream::Error> AnyStream::handshake() {
    const auto [error] = co_await tls_->async_handshake(as_, awaited);
    co_return error;
}

asio::awaitable<void> AnyStream::end() {
    if (tls_) co_await tls_->async_shutdown(awaited);
}

asio::awaitable<AnyStream::Some> AnyStream::read_some(asio::mutable_buffer into) {
    if (tls_) {
        const auto [error, octets] = co_await tls_->async_read_some(into, awaited);
        co_return Some{error, octets};
    }
    const auto [error, octets] = co_await plain_.async_read_some(into, awaited);
    co_return Some{error, octets};
}

asio::awaitable<AnyStream::Error> AnyStream::write(std::string_view octets) {
    asio::const_buffer left(octets.data(), octets.size());
    while (left.size() > 0) {
        if (tls_) {
            const auto [error, written] = co_await tls_->async_write_some(left, awaited);
            if (error) co_return error;
            left += written;
        } else {
            const auto [error, written] = co_await plain_.async_write_some(left, awaited);
            if (error) co_return error;
            left += written;
        }
    }
    co_return Error{};
}

template <bool is_request>
asio::awaitable<AnyStream::Error> AnyStream::read(boost::beast::flat_buffer& buffer,
                                                  http::basic_parser<is_request>& parser, Until until) {
    constexpr std::size_t most_at_once = 64 << 10;
    parser.eager(until == Until::done);
    for (;;) {
        Error error = http::make_error_code(http::error::need_more);
        if (buffer.size() > 0) buffer.consume(parser.put(buffer.data(), error));
        if (error && error != http::error::need_more) co_return error;
        const bool enough = parser.is_done() || (until == Until::some && !error) ||
                            (until == Until::head_done && parser.is_header_done());
        if (enough) co_return Error{};
        if (!error) continue;
        const auto room = std::min(buffer.max_size() - buffer.size(), most_at_once);
        if (room == 0) co_return http::make_error_code(http::error::buffer_overflow);
        const auto into = buffer.prepare(room);
        const auto some = co_await read_some(into);
        if (some.error == asio::error::eof) {
            error = http::make_error_code(http::error::end_of_stream);
            if (parser.got_some()) parser.put_eof(error);
            co_return error;
        }
        if (some.error) co_return some.error;
        buffer.commit(some.octets);
    }
}

template asio::awaitable<AnyStream::Error> AnyStream::read(boost::beast::flat_buffer&,
                                                           http::basic_parser<true>&, Until);
template asio::awaitable<AnyStream::Error> AnyStream::read(boost::beast::flat_buffer&,
                                                           http::basic_parser<false>&, Until);

std::string lines_of(const http::fields& fields) {
    std::string out;
    for (const auto& field : fields) append_line(out, field.name_string(), field.value());
    return out += "\r\n";
}

}  // namespace proxy
