#include "proxy/tracing/post.hpp"

#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include "proxy/any_stream.hpp"
#include "proxy/awaited.hpp"

namespace proxy {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using Failure = boost::system::error_code;

constexpr std::uint64_t longest_answer = 64 << 10;  // it says little, and we read less

CollectorAnswer no_answer(std::string_view doing, Failure error) {
    CollectorAnswer out;
    out.error = std::string(doing) + ": " + error.message();
    return out;
}

std::string text_of(const CollectorPost& what) {
    const bool usual = what.to.port == (what.to.tls ? 443 : 80);
    const bool v6 = what.to.host.find(':') != std::string::npos;
    const auto host =
        (v6 ? "[" + what.to.host + "]" : what.to.host) + (usual ? "" : ":" + std::to_string(what.to.port));
    http::fields fields;
    fields.set(http::field::host, host);
    fields.set(http::field::content_type, "application/json");
    fields.set(http::field::user_agent, "pilotlight");
    fields.set(http::field::connection, "close");
    for (const auto& [name, value] : what.headers) fields.set(name, value);
    fields.set(http::field::content_length, std::to_string(what.body.size()));
    return "POST " + what.to.path + " HTTP/1.1\r\n" + lines_of(fields) + what.body;
}

asio::awaitable<CollectorAnswer> ask(AnyStream& stream, const CollectorPost& what) {
    const auto request = text_of(what);
    if (const auto error = co_await stream.write(request)) co_return no_answer("sending", error);
    beast::flat_buffer buffer;
    http::response_parser<http::string_body> parser;
    parser.body_limit(longest_answer);
    const auto error = co_await stream.read(buffer, parser, AnyStream::Until::done);
    if (error && !parser.is_header_done()) co_return no_answer("waiting for its answer", error);
    CollectorAnswer out;
    out.status = static_cast<int>(parser.get().result_int());
    out.retry_after = parser.get()[http::field::retry_after];
    out.body = parser.get().body();
    co_return out;
}

asio::awaitable<CollectorAnswer> ask_by_tls(AnyStream& stream, const CollectorPost& what) {
    asio::ssl::context context(asio::ssl::context::tls_client);
    Failure error;
    context.set_options(asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1, error);
    if (what.ca_file.empty())
        context.set_default_verify_paths(error);
    else
        context.load_verify_file(what.ca_file.string(), error);
    if (error) co_return no_answer("reading " + what.ca_file.string(), error);
    stream.secure_as_client_of(what.to.host, context.native_handle());
    if (const auto failed = co_await stream.handshake()) co_return no_answer("its TLS handshake", failed);
    co_return co_await ask(stream, what);
}

}  // namespace

asio::awaitable<CollectorAnswer> post(const CollectorPost& what) {
    const auto here = co_await asio::this_coro::executor;
    tcp::resolver resolver(here);
    const auto port = std::to_string(what.to.port);
    auto [resolve_error, found] = co_await resolver.async_resolve(what.to.host, port, awaited);
    if (resolve_error) co_return no_answer("looking up " + what.to.host, resolve_error);
    AnyStream stream{beast::tcp_stream(here)};
    stream.expires_after(what.timeout);
    if (const auto failed = co_await stream.connect(found)) co_return no_answer("connecting", failed);
    if (what.to.tls) co_return co_await ask_by_tls(stream, what);
    co_return co_await ask(stream, what);
}

}  // namespace proxy
