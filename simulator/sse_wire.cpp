#include "simulator/sse_wire.hpp"

#include "simulator/encode.hpp"
#include "simulator/wire.hpp"

namespace simulator {
namespace {

namespace beast = boost::beast;
using asio::as_tuple;
using asio::use_awaitable;

asio::awaitable<bool> send_chunk(beast::tcp_stream& stream, std::string text) {
    stream.expires_after(write_time);
    const auto chunk = http::make_chunk(asio::buffer(text));
    auto [error, size] = co_await asio::async_write(stream, chunk, as_tuple(use_awaitable));
    co_return !error;
}

}  // namespace

asio::awaitable<bool> send_chunks(beast::tcp_stream& stream, http::response<http::empty_body>& head,
                                  EventSource& source, std::shared_ptr<bool> gone, bool gzipped, Bell& bell) {
    http::response_serializer<http::empty_body> serializer(head);
    stream.expires_after(write_time);
    auto [head_error, head_size] =
        co_await http::async_write_header(stream, serializer, as_tuple(use_awaitable));
    if (head_error) co_return false;

    std::string held;
    while (true) {
        if (*gone) co_return false;
        std::string text = source.take(Clock::now());
        if (gzipped) {
            held += text;
        } else if (!text.empty()) {
            const bool sent = co_await send_chunk(stream, std::move(text));
            if (!sent) co_return false;
            if (!source.over()) continue;  // more may have come meanwhile
        }
        if (source.over()) break;
        if (*gone) co_return false;
        co_await bell.wait(source.next());
    }
    if (gzipped) {
        std::string packed = simulator::gzip(held);
        const bool sent = co_await send_chunk(stream, std::move(packed));
        if (!sent) co_return false;
    }
    const auto last = http::make_chunk_last();
    auto [error, size] = co_await asio::async_write(stream, last, as_tuple(use_awaitable));
    co_return !error;
}

}  // namespace simulator
