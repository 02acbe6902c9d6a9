// Something has changed: whoever waits for it looks again. For one who waits, on the same thread; what is
// notified while nobody waits is not remembered. Cheaper than a timer that is cancelled, and each request has
// two.
#pragma once

#include <boost/asio/async_result.hpp>
#include <boost/asio/io_context.hpp>

#include "proxy/traffic/socket.hpp"

namespace proxy {

class Signal {
public:
    explicit Signal(asio::io_context& io) : io_(io) {}

    void notify() { waiting_.post(io_.get_executor(), {}); }

    template <class Token>
    auto async_wait(Token&& token) {  // void(error_code), without an error
        return asio::async_initiate<Token, void(boost::system::error_code)>(
            [this](auto handler) { waiting_.set(std::move(handler)); }, token);
    }

private:
    asio::io_context& io_;
    WhenReady waiting_;
};

}  // namespace proxy
