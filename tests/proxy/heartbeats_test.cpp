#include "proxy/heartbeats.hpp"

#include <catch2/catch.hpp>
#include <vector>

using namespace proxy;

namespace {

constexpr std::uint64_t ada = 1, ben = 2;

std::vector<Heartbeats::Held> as_many_as_may_be(Heartbeats& all, std::uint64_t browser) {
    std::vector<Heartbeats::Held> held;
    while (auto one = all.hold(browser)) held.push_back(std::move(*one));
    return held;
}

}  // namespace

TEST_CASE("a browser holds three heartbeats and no fourth") {
    const auto all = std::make_shared<Heartbeats>();
    CHECK(as_many_as_may_be(*all, ada).size() == 3);
}

TEST_CASE("one browser's heartbeats take nothing from another's") {
    const auto all = std::make_shared<Heartbeats>();
    const auto adas = as_many_as_may_be(*all, ada);
    CHECK(as_many_as_may_be(*all, ben).size() == 3);
}

TEST_CASE("when a heartbeat ends, another may be held") {
    const auto all = std::make_shared<Heartbeats>();
    auto adas = as_many_as_may_be(*all, ada);
    adas.pop_back();
    CHECK(all->hold(ada).has_value());
    CHECK(as_many_as_may_be(*all, ada).size() == 1);
}

TEST_CASE("only Gradio's GET /heartbeat/HASH is a heartbeat, below any prefix") {
    CHECK(is_heartbeat("GET", "/heartbeat/abc"));
    CHECK(is_heartbeat("GET", "/gradio_api/heartbeat/abc"));
    CHECK_FALSE(is_heartbeat("POST", "/heartbeat/abc"));
    CHECK_FALSE(is_heartbeat("GET", "/heartbeat/"));
    CHECK_FALSE(is_heartbeat("GET", "/heartbeat/abc/more"));
    CHECK_FALSE(is_heartbeat("GET", "/queue/data"));
}

TEST_CASE("one heartbeat too many ends at once and asks its EventSource to come back later") {
    const auto answer = short_heartbeat("id-1", false);
    CHECK(answer.starts_with("HTTP/1.1 200 OK\r\n"));
    CHECK(answer.find("Content-Type: text/event-stream\r\n") != std::string::npos);
    CHECK(answer.find("X-Request-Id: id-1\r\n") != std::string::npos);
    CHECK(answer.find("Connection: close") == std::string::npos);
    CHECK(answer.ends_with("\r\n\r\nretry: 15000\ndata: ALIVE\n\n"));
}
