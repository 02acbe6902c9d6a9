// What a coroutine waits with that takes an error as a value: auto [error, ...] = co_await ...(awaited);
#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace proxy {

inline constexpr auto awaited = boost::asio::as_tuple(boost::asio::use_awaitable);

}  // namespace proxy
