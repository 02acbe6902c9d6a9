// A closed loop of HTTP/1.1 clients: each sends a request when the one before is answered, on a connection
// that it keeps. Prints one JSON object. With --hold it first says "sent" when every client has sent its
// first request, so that whoever started it can look at a gateway that holds them all, and release them.
#include <sys/resource.h>

#include <algorithm>
#include <boost/asio.hpp>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

namespace asio = boost::asio;
using asio::as_tuple;
using asio::awaitable;
using asio::use_awaitable;
using asio::ip::tcp;
using Clock = std::chrono::steady_clock;

struct Options {
    unsigned short port = 8080;
    std::string host = "knative-sd-demo.default.example.com";
    std::string path = "/sdapi/v1/txt2img";
    std::string body = R"({"prompt": "pretty dog"})";
    std::size_t clients = 20;
    double seconds = 0;  // new requests are sent for so long; 0: one request a client
    double limit = 120;  // then whoever still waits counts as lost
    bool hold = false;
};

struct Tally {
    std::size_t sent = 0;  // first requests
    std::size_t lost = 0;  // no answer, or a broken one
    std::map<int, std::size_t> statuses;
    std::vector<double> milliseconds;
};

struct Load {
    Load(asio::io_context& io, Options wanted) : options(std::move(wanted)), limit(io) {}

    Options options;
    std::string request;
    Tally tally;
    Clock::time_point until;
    asio::steady_timer limit;
    std::size_t ended = 0;           // clients
    std::vector<tcp::socket*> open;  // to be closed at the limit

    void end_one() {
        if (++ended == options.clients) limit.cancel();
    }
};

std::string request_text(const Options& o) {
    return "POST " + o.path + " HTTP/1.1\r\nHost: " + o.host +
           "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(o.body.size()) +
           "\r\n\r\n" + o.body;
}

struct Head {
    int status = 0;
    std::size_t length = 0;
};

// Only what gateways send to such a request: a sized answer. Empty: something else.
std::optional<Head> parse_head(std::string_view text) {
    if (!text.starts_with("HTTP/1.1 ") || text.size() < 12) return std::nullopt;
    Head head;
    std::from_chars(text.data() + 9, text.data() + 12, head.status);
    constexpr std::string_view name = "content-length:";
    const auto same = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; };
    for (std::size_t at = text.find("\r\n"); at != std::string_view::npos; at = text.find("\r\n", at + 2)) {
        const auto line = text.substr(at + 2);
        if (line.size() < name.size() ||
            !std::equal(name.begin(), name.end(), line.begin(), [&](char b, char a) { return same(a, b); }))
            continue;
        const auto from = line.find_first_not_of(' ', name.size());
        if (from == std::string_view::npos) return std::nullopt;
        std::from_chars(line.data() + from, line.data() + line.size(), head.length);
        return head;
    }
    return std::nullopt;
}

// The status, or 0 if no whole answer came.
awaitable<int> exchange(tcp::socket& socket, std::string& buffer, Load& load, bool first) {
    const auto written =
        co_await asio::async_write(socket, asio::buffer(load.request), as_tuple(use_awaitable));
    if (std::get<0>(written)) co_return 0;
    if (first && ++load.tally.sent == load.options.clients && load.options.hold) {
        std::puts("sent");
        std::fflush(stdout);
    }
    const auto read = co_await asio::async_read_until(socket, asio::dynamic_buffer(buffer), "\r\n\r\n",
                                                      as_tuple(use_awaitable));
    if (std::get<0>(read)) co_return 0;
    const std::size_t head_size = std::get<1>(read);
    const auto head = parse_head(std::string_view(buffer).substr(0, head_size));
    if (!head) co_return 0;
    const std::size_t whole = head_size + head->length;
    if (buffer.size() < whole) {
        const std::size_t missing = whole - buffer.size();
        const auto rest = co_await asio::async_read(socket, asio::dynamic_buffer(buffer),
                                                    asio::transfer_exactly(missing), as_tuple(use_awaitable));
        if (std::get<0>(rest)) co_return 0;
    }
    buffer.erase(0, whole);
    co_return head->status;
}

awaitable<void> client(tcp::socket socket, Load& load) {
    load.open.push_back(&socket);
    std::string buffer;
    bool first = true;
    do {
        const auto began = Clock::now();
        const int status = co_await exchange(socket, buffer, load, first);
        first = false;
        if (status == 0) {
            ++load.tally.lost;
            break;
        }
        ++load.tally.statuses[status];
        load.tally.milliseconds.push_back(
            std::chrono::duration<double, std::milli>(Clock::now() - began).count());
    } while (Clock::now() < load.until);
    std::erase(load.open, &socket);
    load.end_one();
}

// One connection after another: ten thousand at once would drown the listener's backlog and measure TCP's
// retries.
awaitable<void> start(Load& load) {
    const auto executor = co_await asio::this_coro::executor;
    const tcp::endpoint there(asio::ip::address_v4::loopback(), load.options.port);
    for (std::size_t i = 0; i < load.options.clients; ++i) {
        tcp::socket socket(executor);
        const auto connected = co_await socket.async_connect(there, as_tuple(use_awaitable));
        if (std::get<0>(connected)) {
            ++load.tally.lost;
            load.end_one();
            continue;
        }
        boost::system::error_code ignored;
        socket.set_option(tcp::no_delay(true), ignored);
        asio::co_spawn(executor, client(std::move(socket), load), asio::detached);
    }
}

void print(Tally& tally, double seconds) {
    auto& ms = tally.milliseconds;
    std::sort(ms.begin(), ms.end());
    const auto at = [&](double share) {
        return ms.empty() ? 0
                          : ms[std::min(ms.size() - 1,
                                        static_cast<std::size_t>(share * static_cast<double>(ms.size())))];
    };
    std::printf(R"({"seconds":%.6f,"answers":%zu,"lost":%zu,"rate":%.3f,"statuses":{)", seconds, ms.size(),
                tally.lost, static_cast<double>(ms.size()) / seconds);
    const char* comma = "";
    for (const auto& [status, count] : tally.statuses)
        std::printf("%s\"%d\":%zu", std::exchange(comma, ","), status, count);
    std::printf(R"(},"ms":{"p50":%.3f,"p90":%.3f,"p95":%.3f,"p99":%.3f,"max":%.3f}})"
                "\n",
                at(.5), at(.9), at(.95), at(.99), ms.empty() ? 0 : ms.back());
}

constexpr const char* help =
    "pilotlight-load [--port N] [--host NAME] [--path PATH] [--body TEXT] [--clients N] [--seconds S] "
    "[--limit S] [--hold]\n"
    "A closed loop of clients on kept connections; without --seconds each sends one request. Prints JSON.\n";

Options parse(int argc, char** argv) {
    Options o;
    for (int i = 1; i < argc; ++i) {
        const std::string_view name = argv[i];
        if (name == "--hold") {
            o.hold = true;
            continue;
        }
        if (i + 1 == argc)
            std::fputs(help, name == "--help" ? stdout : stderr), std::exit(name == "--help" ? 0 : 2);
        const char* value = argv[++i];
        if (name == "--port")
            o.port = static_cast<unsigned short>(std::atoi(value));
        else if (name == "--host")
            o.host = value;
        else if (name == "--path")
            o.path = value;
        else if (name == "--body")
            o.body = value;
        else if (name == "--clients")
            o.clients = static_cast<std::size_t>(std::atol(value));
        else if (name == "--seconds")
            o.seconds = std::atof(value);
        else if (name == "--limit")
            o.limit = std::atof(value);
        else
            std::fputs(help, stderr), std::exit(2);
    }
    return o;
}

}  // namespace

int main(int argc, char** argv) {
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);

    asio::io_context io(1);
    Load load(io, parse(argc, argv));
    load.request = request_text(load.options);
    const auto duration = [](double s) {
        return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(s));
    };
    const auto began = Clock::now();
    load.until = began + duration(load.options.seconds);
    load.limit.expires_after(duration(load.options.limit));
    load.limit.async_wait([&](boost::system::error_code error) {
        if (error) return;
        for (tcp::socket* socket : load.open) socket->close();
    });
    asio::co_spawn(io, start(load), asio::detached);
    io.run();
    const double seconds = std::chrono::duration<double>(Clock::now() - began).count();
    print(load.tally, seconds);
    return load.tally.lost == 0 ? 0 : 1;
}
