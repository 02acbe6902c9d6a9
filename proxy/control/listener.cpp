#include "proxy/control/listener.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <boost/asio.hpp>
#include <stdexcept>

namespace proxy {

namespace {
constexpr std::chrono::milliseconds breath{50};
}

Listener::Listener(asio::io_context& io, const manifest::Listener& at, std::shared_ptr<const Door> door,
                   std::vector<std::unique_ptr<Worker>>& workers, Shared& shared,
                   std::size_t connection_limit)
    : acceptor_(io),
      pause_(io),
      door_(std::move(door)),
      workers_(workers),
      shared_(shared),
      limit_(connection_limit) {
    boost::system::error_code error;
    const auto address = asio::ip::make_address(at.address, error);
    if (error) throw std::runtime_error(fmt::format("'{}' is not an IP address to listen on", at.address));
    const asio::ip::tcp::endpoint endpoint(address, at.port);
    acceptor_.open(endpoint.protocol(), error);
    if (!error) acceptor_.set_option(asio::socket_base::reuse_address(true), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(4096, error);
    if (error)
        throw std::runtime_error(
            fmt::format("cannot listen on {}:{}: {}{}", at.address, at.port, error.message(),
                        error == asio::error::address_in_use
                            ? "; another program listens there, or choose another port under spec.listeners"
                            : ""));
}

void Listener::start() {
    asio::co_spawn(acceptor_.get_executor(), accept(), asio::detached);
}

void Listener::stop() {
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    pause_.cancel();
}

asio::awaitable<void> Listener::accept() {
    constexpr auto done = asio::as_tuple(asio::use_awaitable);
    while (acceptor_.is_open()) {
        if (shared_.connections >= limit_) {  // the kernel's backlog waits with us
            pause_.expires_after(breath);
            co_await pause_.async_wait(done);
            continue;
        }
        auto [error, socket] = co_await acceptor_.async_accept(done);
        if (!error) {
            workers_[next_++ % workers_.size()]->accept(std::move(socket), door_);
        } else if (error != asio::error::operation_aborted) {
            spdlog::warn("cannot accept a connection: {}", error.message());
            pause_.expires_after(breath);
            co_await pause_.async_wait(done);
        }
    }
}

}  // namespace proxy
