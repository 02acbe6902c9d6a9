// How an event stream leaves: one chunk for what there is to say, at once.
#pragma once

#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <memory>

#include "simulator/bell.hpp"
#include "simulator/sse.hpp"

namespace simulator {

// Until the source is over; false: the client was gone before. With `gzipped` everything after the head is
// held back to the end, as GZipMiddleware of starlette 0.26 does.
boost::asio::awaitable<bool> send_chunks(boost::beast::tcp_stream& stream,
                                         http::response<http::empty_body>& head, EventSource& source,
                                         std::shared_ptr<bool> gone, bool gzipped, Bell& bell);

}  // namespace simulator
