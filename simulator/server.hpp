// The sockets of a simulated pod: it opens its port when the start has come so far, and serves one dialect,
// all on the one thread that runs the io_context.
#pragma once

#include <boost/asio.hpp>
#include <cstdio>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>

#include "simulator/bell.hpp"
#include "simulator/pod.hpp"

namespace simulator {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;

constexpr std::size_t gzip_from = 1000;  // GZipMiddleware's minimum_size
constexpr std::chrono::milliseconds hang_look{
    100};  // how often a hanging request looks whether it still should

class Server {
public:
    // `die` ends the process with that exit status and does not return; a test may throw from it.
    Server(asio::io_context& context, Pod& pod, Dialect dialect, std::function<void(int)> die);
    ~Server();

    void start();                                 // returns at once; the rest happens on the io_context
    std::uint16_t port() const { return port_; }  // 0 until it is open

    // For a handler that talks on a socket of its own.
    Pod& pod() { return pod_; }
    Bell& gpu_bell() {
        return gpu_bell_;
    }  // rings when the GPU has changed hands; ring it after an interrupt
    // A generation from its arrival to its end; the answer is handed to the socket right afterwards.
    asio::awaitable<Reply> generate(Job job, Call call, std::shared_ptr<bool> client_gone,
                                    bool* interrupted = nullptr);
    [[noreturn]] void crash();  // resets every connection and exits 137
    // Takes the lock for something light, in its turn.
    asio::awaitable<void> hold_briefly(Duration time);

    asio::awaitable<void> take_thread();
    void free_thread();

private:
    friend class Connection;
    friend asio::awaitable<void> serve_connection(Server& server, tcp::socket socket);

    asio::awaitable<void> run();
    void open();
    asio::awaitable<void> reopen(Duration after, std::uint64_t turn);
    void refuse(Duration time);
    asio::awaitable<void> run_behind(Job job, std::string path);
    asio::awaitable<void> hold_gpu(JobId id, double share);
    // The same, and tells of every step on the way.
    asio::awaitable<void> work_until(JobId id, double share, const Job& job);

    void write_log(const std::string& line);

    asio::io_context& context_;
    Pod& pod_;
    Dialect dialect_;
    std::function<void(int)> die_;
    tcp::acceptor acceptor_;
    Bell reopened_;  // the port is open again
    Bell gpu_bell_;  // the GPU has changed hands, or something else that streams tell of
    std::deque<std::shared_ptr<asio::steady_timer>> thread_line_;
    int threads_free_;
    std::uint64_t refusals_ = 0;
    std::uint16_t port_ = 0;
    std::set<tcp::socket*> sockets_;
    std::unique_ptr<std::FILE, int (*)(std::FILE*)> log_{nullptr, &std::fclose};
};

// Serves one connection to its end.
asio::awaitable<void> serve_connection(Server& server, tcp::socket socket);

}  // namespace simulator
