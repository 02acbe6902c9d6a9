// What passes between the server and a dialect: a call in, a reply or a job for the GPU out. A dialect is a
// table of routes; it touches neither sockets nor threads.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/beast/http/status.hpp>
#include <boost/beast/http/verb.hpp>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "simulator/gpu.hpp"

namespace simulator {

namespace http = boost::beast::http;

class Pod;
class Server;
class WebSocket;

struct Call {
    http::verb method = http::verb::get;
    std::string_view path;   // as it came, without the query
    std::string_view query;  // without the '?'
    std::string_view body;
    std::string_view host;
    std::string_view range;
    std::string_view cookies;
    std::string_view type;  // Content-Type
    bool accepts_gzip = false;
    TimePoint now{};
};

struct Reply {
    http::status status = http::status::ok;
    std::string type = "application/json";
    std::string body;
    std::vector<std::pair<std::string, std::string>> headers;
    bool compressed = false;  // body is gzip already
    bool close = false;       // end the connection without a word, because the client has left

    static Reply json(std::string body, http::status status = http::status::ok);
    static Reply detail(http::status status, std::string_view detail);  // {"detail": "..."}
};

// Work that needs the lock. `make` runs when the lock is taken: the answer is made while the GPU "works", so
// that the end of the work is timed by the clock and not by our own computing.
struct Job {
    std::string task;
    Work work;
    int images = 0;  // for running out of memory
    std::function<Reply()> make;
};

using Light = Reply (*)(Pod& pod, const Call& call);
using Heavy = std::variant<Reply, Job> (*)(Pod& pod, const Call& call);  // a Reply at once, or a Job
// Talks on an accepted WebSocket until either side is done; what it leaves open is closed with 1000. The call
// lives as long.
using Socket = boost::asio::awaitable<void> (*)(Server& server, WebSocket& socket, const Call& call);

enum class Mounted { from_the_start, with_the_api };

struct Route {
    http::verb method;
    std::string_view path;  // exact; with a '*' at its end: a prefix
    char request_class;     // G generation, L light, N navigation, W Gradio 3 socket, S stream, for the
                            // statistics
    Mounted mounted;
    bool threaded;  // a synchronous function, which takes one of the threads
    std::variant<Light, Heavy, Socket> handler;
};

struct Dialect {
    std::string_view name;
    std::span<const Route> routes;
};

Dialect a1111();

// The routes of /stub/: never delayed, never faulted.
std::span<const Route> stub_routes();

}  // namespace simulator
