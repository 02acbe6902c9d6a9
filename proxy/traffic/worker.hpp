// One thread that moves bytes: its io_context, its client connections, its idle pod connections. Nothing of
// it is touched by any other thread but through post().
#pragma once

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <thread>
#include <unordered_map>
#include <vector>

#include "proxy/access/password_check.hpp"
#include "proxy/access_log.hpp"
#include "proxy/bounds/bounds.hpp"
#include "proxy/bounds/idle_line.hpp"
#include "proxy/generations.hpp"
#include "proxy/service.hpp"
#include "proxy/tracing/queue.hpp"
#include "proxy/traffic/cookie.hpp"
#include "proxy/traffic/door.hpp"
#include "proxy/traffic/stream.hpp"

namespace proxy {

// What all workers share and nobody changes.
struct Shared {
    CookieKey cookie_key;
    AccessLog& access_log;
    Bounds bounds{};
    PasswordCheck passwords{};
    std::atomic<std::size_t> connections{0};  // of clients
    std::atomic<std::size_t> requests{0};     // of clients, from the head to the end of the answer
    std::atomic<std::size_t> errands{0};      // that pods work on
    DoorCounters door{};
    Generations generations{};
    TraceQueue traces{};
};

class Connection;

// A connection to a pod and what came on it beyond the last answer (nothing, or it would have been closed).
struct PodConnection {
    explicit PodConnection(Socket socket) : stream(std::move(socket)) {}
    Stream stream;
    TimePoint idle_since{};
};

class Worker {
public:
    Worker(Shared&, std::shared_ptr<const Routing>);
    ~Worker();

    // --- from any thread
    void start();
    // A client, from the listener's thread; `early`: what was read of it already.
    void accept(asio::ip::tcp::socket, std::shared_ptr<const Door>, std::string early = {});
    void use(std::shared_ptr<const Routing>);
    void shed_idle(std::size_t count);  // the longest idle connections of clients
    void drain();                       // no further request on any connection; idle ones are closed
    void stop();                        // closes everything; the thread then runs dry
    void join();

    // An upgrade: connections that are between two requests go to the next gateway, with what was read of the
    // next one; whatever else there is ends as if we were to end. `begun` is called on the worker's thread:
    // from then on no request is read but on connections that cannot be passed on.
    using PassOn = std::function<void(int descriptor, std::string early, std::shared_ptr<const Door>)>;
    void pass_on(PassOn, std::function<void()> begun);
    void keep();  // there is no next gateway: all is as before

    // --- from its own thread
    asio::io_context& io() { return io_; }
    Shared& shared() { return shared_; }
    const std::shared_ptr<const Routing>& routing() const { return routing_; }
    bool draining() const { return draining_; }
    const PassOn& passes_on() const { return pass_on_; }  // empty: we do not
    bool stopped() const { return stopped_; }
    std::span<char> scratch() { return scratch_; }  // for a read that is looked at before anybody else runs
    asio::awaitable<void> others();                 // lets everybody else of this thread have a turn
    static constexpr std::size_t turn = 1 << 20;    // so many octets in one go, before it is the others'
    void watch(Stream& stream) { streams_.push_back(stream); }
    IdleLine& idle_line() { return idle_line_; }
    bool keeps_alive() const { return !draining_ && shared_.bounds.keeps_alive(); }
    void add(Connection& connection);
    void remove(Connection& connection);
    std::unique_ptr<PodConnection> take_idle(PodId, TimePoint now);  // one that is still good, or empty
    void keep_idle(PodId, std::unique_ptr<PodConnection>, TimePoint now);
    std::unique_ptr<PodConnection> new_pod_connection();

private:
    void sweep();

    static constexpr std::chrono::milliseconds sweep_every{100};  // the precision of all deadlines
    static constexpr std::chrono::seconds pod_idle{4};            // A1111 closes after 5 s; uvicorn's default
    static constexpr std::size_t idle_per_pod =
        64;  // as many as clients that ask at the same time: a connect costs more than a request

    Shared& shared_;
    std::shared_ptr<const Routing> routing_;
    asio::io_context io_{1};
    asio::executor_work_guard<asio::io_context::executor_type> work_;
    Poller poller_;
    asio::steady_timer sweeper_;
    Streams streams_;
    IdleLine idle_line_;
    std::unordered_map<Connection*, std::weak_ptr<Connection>> connections_;
    std::unordered_map<PodId, std::vector<std::unique_ptr<PodConnection>>> idle_;
    std::vector<char> scratch_;
    PassOn pass_on_;
    bool draining_ = false;
    bool stopped_ = false;
    std::thread thread_;
};

}  // namespace proxy
