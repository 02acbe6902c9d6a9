#include "proxy/tracing/post.hpp"

#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include "proxy/awaited.hpp"

namespace proxy {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using Failure = boost::system::error_code;
using Tls = asio::ssl::stream<beast::tcp_stream>;

constexpr std::uint64_t longest_answer = 64 << 10;  // it says little, and we read less

CollectorAnswer no_answer(std::string_view doing, Failure error) {
    CollectorAnswer out;
    out.error = std::string(doing) + ": " + error.message();
    return out;
}

template <class Stream>
asio::awaitable<CollectorAnswer> ask(Stream& stream, const CollectorPost& what) {
    const bool usual = what.to.port == (what.to.tls ? 443 : 80);
    const bool v6 = what.to.host.find(':') != std::string::npos;
    const auto host =
        (v6 ? "[" + what.to.host + "]" : what.to.host) + (usual ? "" : ":" + std::to_string(what.to.port));
    http::request<http::string_body> request(http::verb::post, what.to.path, 11);
    request.set(http::field::host, host);
    request.set(http::field::content_type, "application/json");
    request.set(http::field::user_agent, "pilotlight");
    request.set(http::field::connection, "close");
    for (const auto& [name, value] : what.headers) request.set(name, value);
    request.body() = what.body;
    request.prepare_payload();
    auto [write_error, written] = co_await http::async_write(stream, request, awaited);
    if (write_error) co_return no_answer("sending", write_error);
    beast::flat_buffer buffer;
    http::response_parser<http::string_body> parser;
    parser.body_limit(longest_answer);
    auto [read_error, octets] = co_await http::async_read(stream, buffer, parser, awaited);
    if (read_error && !parser.is_header_done()) co_return no_answer("waiting for its answer", read_error);
    CollectorAnswer out;
    out.status = static_cast<int>(parser.get().result_int());
    out.retry_after = parser.get()[http::field::retry_after];
    out.body = parser.get().body();
    co_return out;
}

asio::awaitable<CollectorAnswer> ask_by_tls(beast::tcp_stream connected, const CollectorPost& what) {
    asio::ssl::context context(asio::ssl::context::tls_client);
    Failure error;
    context.set_options(asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1, error);
    if (what.ca_file.empty())
        context.set_default_verify_paths(error);
    else
        context.load_verify_file(what.ca_file.string(), error);
    if (error) co_return no_answer("reading " + what.ca_file.string(), error);
    Tls stream(std::move(connected), context);
    stream.set_verify_mode(asio::ssl::verify_peer);
    stream.set_verify_callback(asio::ssl::host_name_verification(what.to.host));
    SSL_set_tlsext_host_name(stream.native_handle(), what.to.host.c_str());
    auto [handshake_error] = co_await stream.async_handshake(asio::ssl::stream_base::client, awaited);
    if (handshake_error) co_return no_answer("its TLS handshake", handshake_error);
    co_return co_await ask(stream, what);
}

}  // namespace

asio::awaitable<CollectorAnswer> post(const CollectorPost& what) {
    const auto here = co_await asio::this_coro::executor;
    tcp::resolver resolver(here);
    const auto port = std::to_string(what.to.port);
    auto [resolve_error, found] = co_await resolver.async_resolve(what.to.host, port, awaited);
    if (resolve_error) co_return no_answer("looking up " + what.to.host, resolve_error);
    beast::tcp_stream stream(here);
    stream.expires_after(what.timeout);
    auto [connect_error, at] = co_await stream.async_connect(found, awaited);
    if (connect_error) co_return no_answer("connecting", connect_error);
    if (what.to.tls) co_return co_await ask_by_tls(std::move(stream), what);
    co_return co_await ask(stream, what);
}

}  // namespace proxy
