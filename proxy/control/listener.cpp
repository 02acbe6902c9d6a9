#include "proxy/control/listener.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <boost/asio.hpp>
#include <stdexcept>

#include "proxy/bounds/descriptors.hpp"
#include "proxy/log.hpp"

namespace proxy {

namespace {
constexpr std::chrono::milliseconds breath{20};
constexpr std::chrono::seconds between_words{10};

// The same socket under the lowest number there is now.
asio::ip::tcp::socket lowest(asio::ip::tcp::socket socket) {
    boost::system::error_code ignored;
    const auto protocol = socket.local_endpoint(ignored).protocol();
    const int now = ::fcntl(socket.native_handle(), F_DUPFD_CLOEXEC, 0);
    if (now < 0) return socket;
    if (now > socket.native_handle()) return ::close(now), std::move(socket);
    asio::ip::tcp::socket moved(socket.get_executor());
    moved.assign(protocol, now, ignored);
    if (ignored) ::close(now);
    return moved;
}
}  // namespace

Listener::Listener(asio::io_context& io, const manifest::Listener& at, std::shared_ptr<const Door> door,
                   std::vector<std::unique_ptr<Worker>>& workers, Shared& shared,
                   std::size_t connection_limit, pods::UniqueFd given)
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
    if (given) {
        acceptor_.assign(endpoint.protocol(), given.release(), error);
        if (error)
            throw std::runtime_error(fmt::format("a socket that was handed over: {}", error.message()));
        return;
    }
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
    accepts_ = true;
    asio::co_spawn(acceptor_.get_executor(), accept(), asio::detached);
}

void Listener::pause() {
    accepts_ = false;
    boost::system::error_code ignored;
    acceptor_.cancel(ignored);
    pause_.cancel();
}

void Listener::take(pods::UniqueFd client, std::string early) {
    asio::ip::tcp::socket socket(acceptor_.get_executor());
    boost::system::error_code error;
    socket.assign(acceptor_.local_endpoint(error).protocol(), client.get(), error);
    if (error) return;
    static_cast<void>(client.release());
    workers_[next_++ % workers_.size()]->accept(std::move(socket), door_, std::move(early));
}

void Listener::stop() {
    accepts_ = false;
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    pause_.cancel();
}

asio::awaitable<void> Listener::accept() {
    while (acceptor_.is_open() && accepts_) {
        const bool goes_on = co_await accept_one();
        if (goes_on || !accepts_) continue;
        co_await take_a_breath();
    }
}

asio::awaitable<void> Listener::take_a_breath() {
    count(shared_.bounds.accept_pauses);
    pause_.expires_after(breath);
    co_await pause_.async_wait(asio::as_tuple(asio::use_awaitable));
}

// Near the limit each who comes takes the place of somebody idle; at the limit the kernel's backlog waits
// with us.
asio::awaitable<bool> Listener::accept_one() {
    const auto connections = shared_.connections.load();
    if (connections >= limit_) {
        make_room(limit_ / 32 + 1);
        tell_shortage(fmt::format("{} connections, as many as there may be", connections));
        co_return false;
    }
    auto [error, socket] = co_await acceptor_.async_accept(asio::as_tuple(asio::use_awaitable));
    if (error == asio::error::operation_aborted) co_return true;
    if (error && error != asio::error::connection_aborted) {
        descriptors().note_shortage();
        make_room(limit_ / 32 + 1);
        tell_shortage(error.message());
        co_return false;
    }
    if (error) co_return true;  // he has left already
    while (!descriptors().for_clients(socket.native_handle()) && acceptor_.is_open()) {
        make_room(limit_ / 32 + 1);
        tell_shortage("the descriptors that are left are kept for pods, logs and the admin address");
        co_await take_a_breath();
        socket = lowest(std::move(socket));
    }
    if (connections >= limit_ - limit_ / 16) make_room(1);
    try {
        workers_[next_++ % workers_.size()]->accept(std::move(socket), door_);
    } catch (const std::exception& failure) {  // out of memory: it is this connection's end
        tell_shortage(failure.what());
        co_return false;
    }
    co_return true;
}

void Listener::make_room(std::size_t connections) {
    const auto each = (connections + workers_.size() - 1) / workers_.size();
    for (auto& worker : workers_) worker->shed_idle(each);
}

void Listener::tell_shortage(const std::string& why) {
    const auto now = pods::Clock::now();
    if (told_at_ != pods::TimePoint{} && now - told_at_ < between_words) return;
    told_at_ = now;
    log_of(LogOf::proxy)
        .warn(
            "accepting pauses at port {}, clients wait or are refused by the kernel: {}; see "
            "spec.limits.connections and ulimit -n",
            endpoint().port(), why);
}

}  // namespace proxy
