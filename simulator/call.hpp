// What passes between the server and a dialect: a call in, a reply or a job for the GPU out. A dialect is a
// table of routes; it touches neither sockets nor threads.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/beast/http/status.hpp>
#include <boost/beast/http/verb.hpp>
#include <functional>
#include <memory>
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
class EventSource;
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
    std::string_view origin;
    std::string_view type;  // Content-Type
    std::string_view forwarded_host, forwarded_proto;
    bool accepts_gzip = false;
    TimePoint now{};
};

struct Reply {
    http::status status = http::status::ok;
    std::string type = "application/json";
    std::string body;
    std::vector<std::pair<std::string, std::string>> headers;
    bool compressed = false;              // body is gzip already
    bool close = false;                   // end the connection without a word, because the client has left
    std::shared_ptr<EventSource> events;  // the body, chunk by chunk, in the place of `body`

    static Reply json(std::string body, http::status status = http::status::ok);
    static Reply detail(http::status status, std::string_view detail);  // {"detail": "..."}
};

// What becomes of a job that runs behind an answer already given.
struct JobNews {
    enum class Kind { started, step, ended };
    Kind kind = Kind::started;
    int step = 0, steps = 0;
    const Reply* reply = nullptr;  // ended: what `make` made, or why not
    bool interrupted = false;      // ended: before its last step
    bool withdrawn = false;        // ended: while it stood in line
    TimePoint now{};
};

// Work that needs the lock. `make` runs when the lock is taken: the answer is made while the GPU "works", so
// that the end of the work is timed by the clock and not by our own computing.
struct Job {
    std::string task;
    Work work;
    int images = 0;  // for running out of memory
    std::function<Reply()> make;
    std::function<void(const JobNews&)> tell;  // may be empty
    std::shared_ptr<bool> withdrawn;           // may be empty; true: leaves the line, if it is still in it
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
    // For the statistics: G generation, J a job behind an answer at once, W socket, S stream, L light,
    // N navigation.
    char request_class;
    Mounted mounted;
    bool threaded;  // a synchronous function, which takes one of the threads
    std::variant<Light, Heavy, Socket> handler;
};

struct Dialect {
    std::string_view name;
    std::span<const Route> routes;
    bool says_process_time = true;     // x-process-time; Forge and the others have no such middleware
    std::string_view also_under = {};  // every route exists under this prefix too
    bool own_host_only = false;        // a loopback Host with another Origin is refused (ComfyUI)
};

Dialect a1111();

// The routes of /stub/: never delayed, never faulted.
std::span<const Route> stub_routes();

}  // namespace simulator
