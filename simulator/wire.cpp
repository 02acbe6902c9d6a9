#include "simulator/wire.hpp"

#include <algorithm>
#include <chrono>
#include <string_view>

namespace simulator {
namespace {

using asio::as_tuple;
using asio::use_awaitable;
using Serializer = http::response_serializer<http::string_body>;

constexpr std::chrono::seconds longest_silence{60};

}  // namespace

asio::awaitable<bool> send(beast::tcp_stream& stream, Response& response) {
    Serializer serializer(response);
    stream.expires_after(write_time);
    if (response.body().empty()) {  // an answer to HEAD keeps its Content-Length
        auto [error, size] = co_await http::async_write_header(stream, serializer, as_tuple(use_awaitable));
        co_return !error;
    }
    auto [error, size] = co_await http::async_write(stream, serializer, as_tuple(use_awaitable));
    co_return !error;
}

asio::awaitable<bool> send_badly(beast::tcp_stream& stream, Response& response,
                                 const std::optional<Fault>& drip, const std::optional<Fault>& truncate) {
    Serializer serializer(response);
    stream.expires_after(write_time);
    auto [head_error, head_size] =
        co_await http::async_write_header(stream, serializer, as_tuple(use_awaitable));
    if (head_error) co_return false;
    std::string_view left = response.body();
    if (truncate)
        left = left.substr(0, static_cast<std::size_t>(static_cast<double>(left.size()) * truncate->at));

    constexpr std::chrono::milliseconds beat{50};
    constexpr double beats_a_second = 20;
    asio::steady_timer timer(stream.get_executor(), std::chrono::steady_clock::now());
    while (!left.empty()) {
        const auto slice =
            drip ? std::max(1.0, drip->rate / beats_a_second) : static_cast<double>(left.size());
        const auto now = left.substr(0, static_cast<std::size_t>(slice));
        left.remove_prefix(now.size());
        stream.expires_after(write_time);
        auto [error, size] = co_await asio::async_write(stream, asio::buffer(now), as_tuple(use_awaitable));
        if (error) co_return false;
        if (!drip) continue;
        timer.expires_at(timer.expiry() + beat);
        co_await timer.async_wait(as_tuple(use_awaitable));
    }
    co_return true;
}

asio::awaitable<void> only_receive(beast::tcp_stream& stream) {
    boost::system::error_code ignored;
    stream.socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
    char bytes[4096];
    while (true) {
        stream.expires_after(longest_silence);
        auto [error, size] = co_await stream.async_read_some(asio::buffer(bytes), as_tuple(use_awaitable));
        if (error) co_return;
    }
}

}  // namespace simulator
