// How answers leave: well, or in the ways that a faulty pod's do.
#pragma once

#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <optional>

#include "simulator/faults.hpp"

namespace simulator {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using Response = http::response<http::string_body>;

inline constexpr std::chrono::seconds write_time{600};  // of a piece, to a client who takes it slowly

// Each comes back when the bytes are with the kernel; false: the client was gone before. The caller keeps
// both alive.
asio::awaitable<bool> send(beast::tcp_stream& stream, Response& response);

// Slowly, or less than Content-Length promises.
asio::awaitable<bool> send_badly(beast::tcp_stream& stream, Response& response,
                                 const std::optional<Fault>& drip, const std::optional<Fault>& truncate);

// Half-closed: nothing more is sent, and what comes is thrown away, until the client has ended too or a
// minute passes without a byte.
asio::awaitable<void> only_receive(beast::tcp_stream& stream);

}  // namespace simulator
