#include <boost/asio.hpp>
#include <catch2/catch.hpp>
#include <future>

#include "admin/client.hpp"
#include "world.hpp"

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using Clock = std::chrono::steady_clock;

// A client that says exactly what it is told.
class Raw {
public:
    explicit Raw(std::uint16_t port) : socket_(io_) {
        socket_.connect({asio::ip::make_address("127.0.0.1"), port});
        timeval limit{};
        limit.tv_sec = world::patience.count();
        ::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    }
    void say(std::string_view text) { asio::write(socket_, asio::buffer(text)); }
    // Everything until the server closes, or `until` was read.
    std::string hear(std::string_view until = {}) {
        std::string out;
        std::array<char, 4096> room{};
        while (until.empty() || out.find(until) == std::string::npos) {
            const auto got = ::recv(socket_.native_handle(), room.data(), room.size(), 0);
            if (got <= 0) break;
            out.append(room.data(), static_cast<std::size_t>(got));
        }
        return out;
    }
    void close() { socket_.close(); }

private:
    asio::io_context io_;
    tcp::socket socket_;
};

std::string request(std::string_view target, std::string_view more = "Host: localhost\r\n") {
    return "GET " + std::string(target) + " HTTP/1.1\r\n" + std::string(more) + "\r\n";
}

proxy::Snapshot next(proxy::Snapshot snapshot) {
    ++snapshot.version;
    ++snapshot.pods[0].restarts;
    return snapshot;
}

}  // namespace

TEST_CASE("one connection serves several requests, pipelined ones too", "[admin]") {
    world::Gateway gateway(world::small());
    Raw client(gateway.port());
    client.say(request("/livez") + request("/readyz"));
    const auto first = client.hear("ok\n");
    CHECK(first.starts_with("HTTP/1.1 200 OK\r\n"));
    client.say("GET /nothing HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    const auto rest = client.hear();
    CHECK(rest.find("404 page not found") != std::string::npos);
}

TEST_CASE("HEAD has the head of GET and no body", "[admin]") {
    world::Gateway gateway(world::small());
    Raw client(gateway.port());
    client.say("HEAD /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    const auto answer = client.hear();
    CHECK(answer.find("Content-Length: 3\r\n") != std::string::npos);
    CHECK(answer.ends_with("\r\n\r\n"));
}

TEST_CASE("a request that is not as it should be is refused and the connection closed", "[admin]") {
    const auto [what, status] = GENERATE(table<std::string, std::string>({
        {request("/livez", "Host: evil.example\r\n"), "421"},
        {request("/livez", "Host: localhost\r\nHost: evil.example\r\n"), "400"},
        {request("/livez", ""), "400"},
        {"nonsense\r\n\r\n", "400"},
        {request("/livez", "Host: localhost\r\nX: " + std::string(9000, 'x') + "\r\n"), "431"},
        {request("/livez", "Host: localhost\r\nContent-Length: 5\r\n"), "413"},
        {request("/livez", "Host: localhost\r\nTransfer-Encoding: chunked\r\n"), "413"},
        {"POST /api/v1/pods HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", "405"},
    }));
    world::Gateway gateway(world::small());
    Raw client(gateway.port());
    client.say(what);
    const auto answer = client.hear();
    CAPTURE(what.substr(0, 80), answer);
    CHECK(answer.starts_with("HTTP/1.1 " + status + " "));
}

TEST_CASE("no answer lets another origin read it", "[admin]") {
    world::Gateway gateway(world::small());
    Raw client(gateway.port());
    client.say(
        request("/api/v1/pods", "Host: localhost\r\nOrigin: http://evil.example\r\nConnection: close\r\n"));
    const auto answer = client.hear();
    CHECK(answer.starts_with("HTTP/1.1 200"));
    CHECK(answer.find("Access-Control") == std::string::npos);
}

TEST_CASE("connections beyond the bound are turned away", "[admin]") {
    admin::Settings settings;
    settings.connections = 2;
    world::Gateway gateway(world::small(), settings);
    Raw one(gateway.port()), two(gateway.port());
    REQUIRE(world::eventually([&] { return gateway.connections() == 2; }));
    Raw three(gateway.port());
    CHECK(three.hear().starts_with("HTTP/1.1 503 "));
    one.close();
    REQUIRE(world::eventually([&] { return gateway.connections() == 1; }));
    Raw four(gateway.port());
    four.say(request("/livez"));
    CHECK(four.hear("ok\n").starts_with("HTTP/1.1 200 "));
}

TEST_CASE("a client that never ends its head is cut", "[admin]") {
    admin::Settings settings;
    settings.head = std::chrono::milliseconds(20);
    world::Gateway gateway(world::small(), settings);
    Raw client(gateway.port());
    client.say("GET /livez HT");
    CHECK(client.hear().empty());
    CHECK(world::eventually([&] { return gateway.connections() == 0; }));
}

TEST_CASE("a watch tells each change as it is published", "[admin]") {
    world::Gateway gateway(world::small());
    Raw client(gateway.port());
    client.say(request("/api/v1/pods?watch=true&resourceVersion=1"));
    CHECK(client.hear("\r\n\r\n").find("Transfer-Encoding: chunked") != std::string::npos);
    auto snapshot = next(world::small());
    gateway.publish(snapshot);
    CHECK(client.hear("}\n\r\n").find(R"({"type":"MODIFIED","object":{"apiVersion":"v1","kind":"Pod")") !=
          std::string::npos);
    snapshot.pods.pop_back();
    ++snapshot.version;
    gateway.publish(snapshot);
    CHECK(client.hear("}\n\r\n").find(R"("type":"DELETED")") != std::string::npos);
    gateway.stop();
    CHECK(client.hear() == "0\r\n\r\n");  // the stream ends as a whole one
}

TEST_CASE("a watch ends after the time that its client asked for", "[admin]") {
    admin::Settings settings;
    settings.write = settings.idle = settings.head =
        std::chrono::milliseconds(100);  // a silent watch is not a slow one
    world::Gateway gateway(world::small(), settings);
    Raw client(gateway.port());
    client.say(request("/api/v1/pods?watch=true&timeoutSeconds=1"));
    const auto answer = client.hear();
    CHECK(answer.find("ADDED") != std::string::npos);
    CHECK(answer.ends_with("\r\n0\r\n\r\n"));
}

TEST_CASE("a watcher that leaves is forgotten at once", "[admin]") {
    world::Gateway gateway(world::small());
    Raw client(gateway.port());
    client.say(request("/api/v1/pods?watch=true"));
    REQUIRE(client.hear("sd-2").find("ADDED") != std::string::npos);
    CHECK(gateway.connections() == 1);
    client.close();
    CHECK(world::eventually([&] { return gateway.connections() == 0; }));
}

TEST_CASE("a watcher that does not read is cut", "[admin]") {
    admin::Settings settings;
    settings.write = std::chrono::milliseconds(50);
    auto snapshot = world::small();
    world::Gateway gateway(snapshot, settings);
    Raw client(gateway.port());
    client.say(request("/api/v1/pods?watch=true"));
    REQUIRE(client.hear("sd-2").find("ADDED") != std::string::npos);
    snapshot.pods[0].phase = pods::Phase::error;
    CHECK(world::eventually([&] {
        snapshot.pods[0].message = std::string(1 << 20, 'x') + std::to_string(snapshot.version);
        ++snapshot.version;
        gateway.publish(snapshot);
        return gateway.connections() == 0;
    }));
}

TEST_CASE("metrics and lists come over the wire", "[admin]") {
    world::Gateway gateway(world::small());
    admin::Client client(gateway.url());
    const auto metrics = client.get("/metrics", "*/*");
    CHECK(metrics.status == 200);
    CHECK(metrics.body.find("\nautoscaler_actual_pods{namespace_name=\"default\"") != std::string::npos);
    CHECK(client.get("/api/v1/namespaces/default/pods", "application/json").body.find("PodList") !=
          std::string::npos);
}

TEST_CASE("an address that is taken is named in the error", "[admin]") {
    world::Gateway gateway(world::small());
    asio::io_context io;
    const auto again = [&] {
        admin::Server second(io, {asio::ip::make_address("127.0.0.1"), gateway.port()},
                             {[] { return nullptr; }});
    };
    CHECK_THROWS_WITH(again(), Catch::Contains("127.0.0.1 port " + std::to_string(gateway.port())) &&
                                   Catch::Contains("in use"));
}

TEST_CASE("a server that is destroyed leaves nothing on the loop", "[admin]") {
    asio::io_context io;
    std::optional<admin::Server> server;
    server.emplace(io, tcp::endpoint(asio::ip::make_address("127.0.0.1"), 0),
                   admin::Source{[] { return nullptr; }});
    server->start();
    Raw client(server->port());
    client.say(request("/api/v1/pods?watch=true"));
    const auto give_up = Clock::now() + world::patience;
    while (server->connections() == 0 && Clock::now() < give_up)
        io.run_one_for(std::chrono::milliseconds(50));
    REQUIRE(server->connections() == 1);
    server.reset();
    io.run_for(world::patience);
    CHECK(io.stopped());  // it ran dry
}
