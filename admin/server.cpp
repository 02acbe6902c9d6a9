#include "admin/server.hpp"

#include <fmt/format.h>

#include <boost/asio.hpp>

#include "admin/connection.hpp"
#include "proxy/awaited.hpp"
#include "proxy/log.hpp"

namespace admin {
namespace {

using asio::ip::tcp;

using proxy::awaited;

void listen(tcp::acceptor& acceptor, const tcp::endpoint& endpoint, int given) {
    boost::system::error_code error;
    if (given >= 0) return acceptor.assign(endpoint.protocol(), given), void();
    acceptor.open(endpoint.protocol(), error);
    if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
    if (!error) acceptor.bind(endpoint, error);
    if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
    if (!error) return;
    const auto address = endpoint.address().to_string();
    throw std::runtime_error(fmt::format("the admin address {} port {} cannot be had: {}", address,
                                         endpoint.port(), error.message()));
}

// One try, no wait, and in the clear, which over TLS is no answer but an end: who comes when all connections
// are taken learns why, if it reads at once.
void turn_away(tcp::socket socket) {
    static constexpr std::string_view answer =
        "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\nRetry-After: 5\r\nConnection: "
        "close\r\n\r\n"
        "too many connections to the admin address\n";
    boost::system::error_code ignored;
    socket.non_blocking(true, ignored);
    socket.write_some(asio::buffer(answer), ignored);
    socket.shutdown(tcp::socket::shutdown_both, ignored);
}

// Who does not say who he is keeps nobody out who does: the one who has said nothing for longest makes room.
bool make_room(const Server::Core& core) {
    if (core.connections.size() < core.settings.connections) return true;
    Connection* oldest = nullptr;
    std::size_t strangers = 0;
    for (auto* one : core.connections) {
        if (!one->stranger()) continue;
        ++strangers;
        if (oldest == nullptr || one->number() < oldest->number()) oldest = one;
    }
    if (oldest == nullptr || core.connections.size() - strangers >= core.settings.connections) return false;
    oldest->let_go();
    return true;
}

asio::awaitable<void> accept_all(std::shared_ptr<Server::Core> core) {
    while (!core->stopping) {
        auto [error, socket] = co_await core->acceptor.async_accept(awaited);
        if (core->stopping) break;
        if (error) {  // most likely no descriptor is left: it must not spin
            log_of(proxy::LogOf::admin)
                .warn("no connection can be accepted at the admin address, trying again every 0.2 s: {}",
                      error.message());
            core->pause.expires_after(std::chrono::milliseconds(200));
            co_await core->pause.async_wait(awaited);
        } else if (!make_room(*core)) {
            turn_away(std::move(socket));
        } else {
            std::make_shared<Connection>(core, std::move(socket))->start();
        }
    }
}

}  // namespace

Server::Server(asio::io_context& io, const tcp::endpoint& endpoint, Source source, Settings settings)
    : core_(std::make_shared<Core>(io, std::move(source), std::move(settings))) {
    listen(core_->acceptor, endpoint, core_->settings.descriptor);
    port_ = core_->acceptor.local_endpoint().port();
}

Server::~Server() {
    stop();
}

void Server::start() {
    core_->refresh();
    core_->dashboard.load(std::chrono::system_clock::now());
    asio::co_spawn(core_->acceptor.get_executor(), accept_all(core_), asio::detached);
}

void Server::use(std::shared_ptr<const Guard> guard) {
    core_->settings.guard = std::move(guard);
    for (auto* connection : core_->connections) connection->ask_again();
}

void Server::published() {
    core_->refresh();
    core_->dashboard.take(*core_->snapshot, std::chrono::system_clock::now());
    for (auto* connection : core_->connections) connection->wake();
}

void Server::stop() {
    if (std::exchange(core_->stopping, true)) return;
    boost::system::error_code ignored;
    core_->acceptor.close(ignored);
    core_->pause.cancel();
    core_->dashboard.save();
    for (auto* connection : core_->connections) connection->stop();
}

std::uint16_t Server::port() const {
    return port_;
}
int Server::descriptor() const {
    return core_->acceptor.native_handle();
}
std::size_t Server::connections() const {
    return core_->connections.size();
}

}  // namespace admin
