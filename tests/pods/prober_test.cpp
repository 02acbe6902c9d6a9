// The prober against real sockets.
#include "pods/prober.hpp"

#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <catch2/catch.hpp>

#include "outside.hpp"
#include "pods/ports.hpp"

using namespace pods;
using namespace pods::testing;
using namespace std::chrono_literals;
using asio::ip::tcp;
namespace http = boost::beast::http;

namespace {

// A pod on a free port that listens when told to, and answers every request with `answer`.
class Server {
public:
    explicit Server(asio::io_context& io) : io_(io), acceptor_(io), port_(*ports().take()) {}
    ~Server() { close(); }

    Address address() const { return {"127.0.0.1", port_}; }
    void open() {
        tcp::acceptor fresh(io_, tcp::endpoint(asio::ip::make_address("127.0.0.1"), port_));
        acceptor_ = std::move(fresh);
        accept();
    }
    void close() { acceptor_.close(); }

    std::string answer;  // empty: never one
    std::vector<http::request<http::empty_body>> requests;
    int connections = 0;

private:
    static Ports& ports() {
        static Ports all(28900, 29900);
        return all;
    }
    void accept() {
        acceptor_.async_accept([this](boost::system::error_code error, tcp::socket socket) {
            if (error) return;
            ++connections;
            asio::co_spawn(io_, serve(std::move(socket)), asio::detached);
            accept();
        });
    }
    asio::awaitable<void> serve(tcp::socket socket) {
        boost::beast::flat_buffer buffer;
        http::request<http::empty_body> request;
        co_await http::async_read(socket, buffer, request, asio::use_awaitable);
        requests.push_back(request);
        if (answer.empty()) co_await http::async_read(socket, buffer, request, asio::use_awaitable);
        co_await asio::async_write(socket, asio::buffer(answer), asio::use_awaitable);
    }

    asio::io_context& io_;
    tcp::acceptor acceptor_;
    std::uint16_t port_;
};

struct Told {
    int ready = 0;
    std::vector<std::string> unready, unhealthy, notices;

    Prober::Events events() {
        return {[this] { ++ready; }, [this](std::string why) { unready.push_back(std::move(why)); },
                [this](std::string why) { unhealthy.push_back(std::move(why)); },
                [this](std::string what) { notices.push_back(std::move(what)); }};
    }
};

Probe often(std::variant<TcpSocketAction, HttpGetAction, ExecAction> action) {
    Probe probe;
    probe.action = std::move(action);
    probe.period = 1s;
    probe.failure_threshold = 1;
    return probe;
}

Container ready_when(Probe probe) {
    Container container;
    container.readiness = std::move(probe);
    return container;
}

std::string response(int status, const std::string& body = "", const std::string& more = "") {
    return "HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\n" + more + "\r\n" + body;
}

}  // namespace

TEST_CASE("a socket that opens late makes the pod ready, once", "[prober]") {
    asio::io_context io;
    Server server(io);
    Told told;
    Prober prober(io.get_executor(), server.address(), Container{}, {}, told.events());
    io.run_for(50ms);
    CHECK(told.ready == 0);
    server.open();
    REQUIRE(eventually(io, [&] { return told.ready == 1; }));
    CHECK(prober.is_ready());
    CHECK(told.unready.empty());
}

TEST_CASE("readiness is lost with the socket and comes back with it", "[prober]") {
    asio::io_context io;
    Server server(io);
    server.open();
    Told told;
    Prober prober(io.get_executor(), server.address(), ready_when(often(TcpSocketAction{})), {},
                  told.events());
    REQUIRE(eventually(io, [&] { return told.ready == 1; }));
    server.close();
    REQUIRE(eventually(io, [&] { return told.unready.size() == 1; }));
    CHECK_THAT(told.unready[0], Catch::StartsWith("readiness probe failed: connect to 127.0.0.1:") &&
                                    Catch::EndsWith("Connection refused"));
    server.open();
    REQUIRE(eventually(io, [&] { return told.ready == 2; }));
}

TEST_CASE("httpGet passes from 200 to 399 and does not follow", "[prober]") {
    for (const auto& [status, passes] : std::vector<std::pair<int, bool>>{
             {200, true}, {204, true}, {302, true}, {399, true}, {400, false}, {404, false}, {503, false}}) {
        CAPTURE(status);
        asio::io_context io;
        Server server(io);
        server.answer = response(status, status == 204 ? "" : "hello", "Location: http://127.0.0.1:1/\r\n");
        if (status == 204) server.answer = "HTTP/1.1 204 X\r\n\r\n";
        server.open();
        Told told;
        Prober prober(io.get_executor(), server.address(), ready_when(often(HttpGetAction{})), {},
                      told.events());
        if (passes) {
            CHECK(eventually(io, [&] { return told.ready == 1; }));
        } else {
            REQUIRE(eventually(io, [&] { return server.requests.size() >= 3; }));
            CHECK(told.ready == 0);
        }
    }
}

TEST_CASE("httpGet sends the path, the host and the headers it was given", "[prober]") {
    asio::io_context io;
    Server server(io);
    server.answer = response(200);
    server.open();
    HttpGetAction get;
    get.path = "/sdapi/v1/progress?skip_current_image=true";
    get.port = 7860;  // the container's own: the pod's port, wherever that is
    get.headers = {{"X-One", "1"}, {"Authorization", "Basic abc"}};
    auto container = ready_when(often(get));
    container.port = 7860;
    Told told;
    Prober prober(io.get_executor(), server.address(), container, {}, told.events());
    REQUIRE(eventually(io, [&] { return told.ready == 1; }));
    const auto& request = server.requests.at(0);
    CHECK(request.target() == get.path);
    CHECK(request[http::field::host] == "127.0.0.1:" + std::to_string(server.address().port));
    CHECK(request["X-One"] == "1");
    CHECK(request[http::field::authorization] == "Basic abc");
    CHECK(request[http::field::user_agent].starts_with("kube-probe/"));
}

TEST_CASE("a body without end is not waited for", "[prober]") {
    asio::io_context io;
    Server server(io);
    SECTION("longer than anybody reads") {
        server.answer = response(200, std::string(1 << 20, 'x'));
    }
    SECTION("announced, but never sent") {
        server.answer = "HTTP/1.1 200 X\r\nContent-Length: 1000000000\r\n\r\n";
    }
    server.open();
    Told told;
    Prober prober(io.get_executor(), server.address(), ready_when(often(HttpGetAction{})), {}, told.events());
    CHECK(eventually(io, [&] { return told.ready == 1; }));
}

TEST_CASE("an answer that is no HTTP, or never comes, fails", "[prober]") {
    asio::io_context io;
    Server server(io);
    SECTION("no HTTP") {
        server.answer = "SSH-2.0-OpenSSH\r\n\r\n";
    }
    SECTION("never") {
        server.answer = "";
    }
    server.open();
    auto live = often(HttpGetAction{});
    auto container = ready_when(often(TcpSocketAction{}));
    container.liveness = live;
    Told told;
    Prober prober(io.get_executor(), server.address(), container, {}, told.events());
    REQUIRE(eventually(io, [&] { return told.unhealthy.size() == 1; }));
    CHECK_THAT(told.unhealthy[0], Catch::StartsWith("liveness probe failed: GET http://127.0.0.1:"));
}

TEST_CASE("a startup probe holds the others back", "[prober]") {
    asio::io_context io;
    Server server(io), gate(io);
    server.open();
    TcpSocketAction elsewhere;
    elsewhere.port = gate.address().port;
    auto container = ready_when(often(TcpSocketAction{}));
    container.startup = often(elsewhere);
    container.startup->failure_threshold = 1000;
    Told told;
    Prober prober(io.get_executor(), server.address(), container, {}, told.events());
    io.run_for(50ms);
    CHECK(server.connections == 0);
    gate.open();
    REQUIRE(eventually(io, [&] { return told.ready == 1; }));
}

TEST_CASE("exec probes are run by whoever runs the pod", "[prober]") {
    asio::io_context io;
    std::vector<std::string> asked;
    int status = 0;
    const Execute execute = [&](std::vector<std::string> command,
                                std::chrono::milliseconds) -> asio::awaitable<Executed> {
        asked = std::move(command);
        Executed done;
        done.status = status;
        co_return done;
    };
    Told told;
    Prober prober(io.get_executor(), {"127.0.0.1", 1}, ready_when(often(ExecAction{{"check", "it"}})),
                  execute, told.events());
    REQUIRE(eventually(io, [&] { return told.ready == 1; }));
    CHECK(asked == std::vector<std::string>{"check", "it"});
    status = 2;
    REQUIRE(eventually(io, [&] { return told.unready.size() == 1; }));
    CHECK(told.unready[0] == "readiness probe failed: 'check' exited with status 2");
}

TEST_CASE("a recheck is answered at once, either way", "[prober]") {
    asio::io_context io;
    Server server(io);
    server.open();
    auto seldom = often(TcpSocketAction{});
    seldom.period = std::chrono::hours{1};
    seldom.failure_threshold = 100;
    Told told;
    Prober prober(io.get_executor(), server.address(), ready_when(seldom), {}, told.events());
    REQUIRE(eventually(io, [&] { return told.ready == 1; }));
    prober.recheck();
    REQUIRE(eventually(io, [&] { return told.ready == 2; }));
    server.close();
    prober.recheck();
    REQUIRE(eventually(io, [&] { return told.unready.size() == 1; }));
    CHECK_FALSE(prober.is_ready());
}

TEST_CASE("a prober may be destroyed in the middle of anything", "[prober]") {
    asio::io_context io;
    Server server(io);
    server.open();  // and never answers
    Told told;
    auto container = ready_when(often(HttpGetAction{}));
    container.liveness = often(HttpGetAction{});
    container.liveness->initial_delay = std::chrono::hours{1};
    for (int i = 0; i < 20; ++i) {
        auto prober = std::make_unique<Prober>(io.get_executor(), server.address(), container, Execute{},
                                               told.events());
        for (int step = 0; step < i; ++step) {
            io.restart();
            io.run_one_for(20ms);
        }
        prober.reset();
    }
    server.close();
    CHECK(eventually(io, [&] { return io.stopped() || io.poll() == 0; }));
    CHECK(told.ready == 0);
    CHECK(told.unready.empty());
}

TEST_CASE("a callback may destroy the prober that calls it", "[prober]") {
    asio::io_context io;
    Server server(io);
    server.open();
    std::unique_ptr<Prober> prober;
    Prober::Events events;
    events.on_ready = [&] { prober.reset(); };
    prober = std::make_unique<Prober>(io.get_executor(), server.address(), Container{}, Execute{}, events);
    CHECK(eventually(io, [&] { return !prober; }));
}

namespace {

const char* const not_mounted = R"({"detail":"Not Found"})";

SecondStage short_stage(Duration window) {
    SecondStage stage;
    stage.path = "/sdapi/v1/progress?skip_current_image=true";
    stage.silence = 20ms;
    stage.window = window;
    return stage;
}

}  // namespace

TEST_CASE("with a second stage the open port is not enough: the pod is asked, and answers", "[prober]") {
    asio::io_context io;
    Server server(io);
    server.answer = response(401);
    server.open();
    Told told;
    Prober prober(io.get_executor(), server.address(), Container{}, {}, told.events(), short_stage(30s));
    REQUIRE(eventually(io, [&] { return told.ready == 1; }));
    REQUIRE(server.requests.size() == 1);
    CHECK(server.requests[0].target() == "/sdapi/v1/progress?skip_current_image=true");
    CHECK(told.notices.empty());
}

TEST_CASE("a pod that says it has not mounted its API is asked again, and at the end taken as it is",
          "[prober]") {
    asio::io_context io;
    Server server(io);
    server.answer = response(404, not_mounted);
    server.open();
    Told told;
    Prober prober(io.get_executor(), server.address(), Container{}, {}, told.events(), short_stage(500ms));
    REQUIRE(eventually(io, [&] { return !server.requests.empty(); }));
    CHECK(told.ready == 0);
    REQUIRE(eventually(io, [&] { return told.ready == 1; }));
    CHECK(server.requests.size() == 2);
    REQUIRE(told.notices.size() == 1);
    CHECK_THAT(told.notices[0], Catch::StartsWith("Taken for ready 0 s after its port opened") &&
                                    Catch::EndsWith("status 404, not mounted yet"));
}

TEST_CASE("a 404 of a mounted API makes the pod ready", "[prober]") {
    asio::io_context io;
    Server server(io);
    server.answer = response(404, not_mounted, "x-process-time: 0.001\r\n");
    server.open();
    Told told;
    Prober prober(io.get_executor(), server.address(), Container{}, {}, told.events(), short_stage(30s));
    REQUIRE(eventually(io, [&] { return told.ready == 1; }));
    CHECK(server.requests.size() == 1);
}
