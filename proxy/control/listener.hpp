// Accepts clients on the control thread and hands each socket to the next worker. Out of descriptors or at
// the connection limit it pauses and makes room: the longest idle connections are closed. It never spins.
#pragma once

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <string>
#include <vector>

#include "manifest/configuration.hpp"
#include "pods/unique_fd.hpp"
#include "proxy/traffic/worker.hpp"

namespace proxy {

class Listener {
public:
    // Throws std::runtime_error with a sentence for people when the address cannot be had.
    Listener(asio::io_context&, const manifest::Listener&, std::shared_ptr<const Door>,
             std::vector<std::unique_ptr<Worker>>&, Shared&, std::size_t connection_limit,
             pods::UniqueFd given = {});  // that listens there already
    void start();
    void stop();
    void pause();  // whoever comes waits in the kernel's queue, for us or for another who has the socket
    bool has(const Door& door) const { return door_.get() == &door; }
    int descriptor() { return acceptor_.native_handle(); }
    // A client that another gateway accepted here.
    void take(pods::UniqueFd client, std::string early);
    void use(std::shared_ptr<const Door> door) { door_ = std::move(door); }  // for whoever comes from now on
    asio::ip::tcp::endpoint endpoint() const { return acceptor_.local_endpoint(); }

private:
    asio::awaitable<void> accept();
    asio::awaitable<bool> accept_one();  // false: a pause is worth while
    asio::awaitable<void> take_a_breath();
    void make_room(std::size_t connections);
    void tell_shortage(const std::string& why);

    asio::ip::tcp::acceptor acceptor_;
    asio::steady_timer pause_;
    std::shared_ptr<const Door> door_;
    std::vector<std::unique_ptr<Worker>>& workers_;
    Shared& shared_;
    std::size_t limit_;
    bool accepts_ = false;
    std::size_t next_ = 0;
    pods::TimePoint told_at_{};
};

}  // namespace proxy
