// The admin address: an HTTP/1.1 server for people and monitors, on the control thread. It reads snapshots,
// and changes go through the keeper. Bounded in every way: connections, heads, waits, and how far a watcher
// may fall behind.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "admin/audit.hpp"
#include "admin/guard.hpp"
#include "admin/keeper.hpp"
#include "proxy/control/snapshot.hpp"
#include "proxy/generations.hpp"

namespace admin {

namespace asio = boost::asio;

// What the server asks of control, always on the control thread.
struct Source {
    std::function<std::shared_ptr<const proxy::Snapshot>()> snapshot;  // the last; null: none yet
    const proxy::Generations* generations = nullptr;                   // that ended; null: they are not told
    Keeper* keeper = nullptr;                                          // of changes; null: there are none
};

struct Settings {
    std::shared_ptr<const Guard> guard = std::make_shared<const Guard>();
    Audit::Sink audit;             // takes a line for each change; null: nobody does
    std::size_t connections = 64;  // more are answered 503
    std::size_t head_bytes = 8 << 10;
    std::size_t body_bytes = 1 << 20;         // of a change
    std::chrono::milliseconds idle{75'000};   // between two requests of a connection
    std::chrono::milliseconds head{10'000};   // from the first octet of a request to the end of its head
    std::chrono::milliseconds body{10'000};   // likewise of its body
    std::chrono::milliseconds write{10'000};  // for one answer, or one piece of a watch
    std::chrono::milliseconds bookmark{60'000};
    std::size_t streams = 16;                 // dashboards that look on at once; more are answered 503
    std::size_t logs = 32;                    // pods' logs read at once; more are answered 503
    std::chrono::milliseconds log_poll{100};  // how often a log that is followed is looked at
    std::filesystem::path
        history;          // the file in which the dashboard's history outlives a restart; empty: none
    int descriptor = -1;  // of a socket that listens there already, taken over; -1: none
};

class Server {
public:
    // Binds. Throws std::runtime_error with a sentence that names address and port when they cannot be had.
    Server(asio::io_context&, const asio::ip::tcp::endpoint&, Source, Settings = {});
    ~Server();  // as stop(); what still runs on the io_context needs no Server
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    void start();
    // From the next request on; streams of whom it does not let in end. TLS: from the next connection on.
    void use(std::shared_ptr<const Guard>);
    void published();  // there is a new snapshot: watchers are told of what is different
    void stop();       // watches end; nothing keeps the io_context running after the last answer is written
    std::uint16_t port() const;
    int descriptor() const;  // of the socket that listens
    std::size_t connections() const;

    class Core;

private:
    std::shared_ptr<Core> core_;
    std::uint16_t port_ = 0;
};

}  // namespace admin
