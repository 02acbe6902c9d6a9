// Sessions and where they live.
#include "router/sessions.hpp"

#include <catch2/catch.hpp>

using namespace router;
using namespace std::chrono_literals;

namespace {
constexpr TimePoint start{};
constexpr std::string_view alice = "session:alice", bob = "client:bob", carol = "task:carol";
using Home = Sessions::Home;
constexpr PodId first{1}, second{2};
}  // namespace

TEST_CASE("a session is found on the pod it was bound to", "[sessions]") {
    Sessions s;
    CHECK_FALSE(s.find(alice, start, 30min));
    s.bind(alice, first, start);
    CHECK(s.find(alice, start, 30min) == first);
    CHECK_FALSE(s.find(bob, start, 30min));
    CHECK(s.on(first) == 1);
}

TEST_CASE("all who live on a pod can be told, longest unseen first, and whether it is their home",
          "[sessions]") {
    Sessions s;
    s.bind(alice, first, start, Sessions::Home::no);
    s.bind(bob, second, start);
    s.bind(carol, first, start);
    const auto known = s.of(first);
    REQUIRE(known.size() == 2);
    CHECK(known[0].id == alice);
    CHECK_FALSE(known[0].home);
    CHECK(known[1].id == carol);
    CHECK(known[1].home);
}

TEST_CASE("a session that is bound again has moved", "[sessions]") {
    Sessions s;
    s.bind(alice, first, start);
    s.bind(alice, second, start);
    CHECK(s.find(alice, start, 30min) == second);
    CHECK(s.on(first) == 0);
    CHECK(s.on(second) == 1);
    CHECK(s.size() == 1);
}

TEST_CASE("a session ends when it was not seen for its timeout, and use renews it", "[sessions]") {
    Sessions s;
    s.bind(alice, first, start);
    CHECK(s.find(alice, start + 30min, 30min) == first);
    CHECK(s.find(alice, start + 60min, 30min) == first);
    CHECK_FALSE(s.find(alice, start + 90min + 1ns, 30min));
    CHECK(s.on(first) == 0);
    CHECK(s.size() == 0);
}

TEST_CASE("ageing forgets those who were not seen, whatever they were bound after", "[sessions]") {
    Sessions s;
    s.bind(alice, first, start);
    s.bind(bob, first, start + 1min);
    s.bind(carol, second, start + 2min);
    s.find(alice, start + 20min, 30min);
    s.age(start + 31min + 1ns, 30min);
    CHECK(s.size() == 2);
    CHECK_FALSE(s.find(bob, start + 31min, 30min));
    CHECK(s.on(first) == 1);
    CHECK(s.find(alice, start + 31min, 30min) == first);
}

TEST_CASE("a pod that is gone takes its sessions with it", "[sessions]") {
    Sessions s;
    s.bind(alice, first, start);
    s.bind(bob, second, start);
    s.bind(carol, first, start);
    s.forget(first);
    s.forget(PodId{9});
    CHECK(s.size() == 1);
    CHECK(s.on(first) == 0);
    CHECK(s.find(bob, start, 30min) == second);
}

TEST_CASE("in a crowd the longest unseen session is forgotten first", "[sessions]") {
    Sessions s({2, 1u << 20});
    s.bind(alice, first, start);
    s.bind(bob, first, start + 1s);
    s.find(alice, start + 2s, 30min);
    s.bind(carol, second, start + 3s);
    CHECK(s.size() == 2);
    CHECK_FALSE(s.find(bob, start + 3s, 30min));
    CHECK(s.find(alice, start + 3s, 30min) == first);
    CHECK(s.find(carol, start + 3s, 30min) == second);
    s.bind(carol, first, start + 4s);  // who is known already pushes nobody out
    CHECK(s.find(alice, start + 4s, 30min) == first);
}

TEST_CASE("in a crowd with long names the octets are what is bounded", "[sessions]") {
    constexpr std::size_t each = 150 + Sessions::node_octets;
    Sessions s({1000, 3 * each});
    const auto name = [](char c) { return std::string(150, c); };
    for (const char c : {'a', 'b', 'c', 'd'}) s.bind(name(c), first, start);
    CHECK(s.size() == 3);
    CHECK(s.octets() == 3 * each);
    CHECK_FALSE(s.find(name('a'), start, 30min));
    CHECK(s.find(name('d'), start, 30min) == first);
    s.forget(first);
    CHECK(s.octets() == 0);
}

TEST_CASE("an id beyond all bounds is not kept, and pushes nobody out", "[sessions]") {
    Sessions s({1, 1u << 20});
    s.bind(alice, first, start);
    s.bind(std::string(Sessions::longest_id + 1, 'x'), second, start);
    CHECK(s.size() == 1);
    CHECK(s.find(alice, start, 30min) == first);
}

TEST_CASE("a client that is known by several ids lives on its pod once", "[sessions]") {
    Sessions s;
    s.bind(alice, first, start);
    s.bind(bob, first, start, Home::no);
    CHECK(s.on(first) == 1);
    s.bind(bob, second, start, Home::as_before);
    CHECK(s.on(second) == 0);
    s.bind(alice, second, start, Home::as_before);
    CHECK(s.on(first) == 0);
    CHECK(s.on(second) == 1);
    s.bind(alice, second, start, Home::no);
    CHECK(s.on(second) == 0);
    s.forget(second);
    CHECK(s.size() == 0);
}

TEST_CASE("ids of a session or a client are a home, those of a job are not", "[sessions]") {
    CHECK(names_client("session:x"));
    CHECK(names_client("client:x"));
    for (const auto job : {"event:x", "prompt:x", "task:x", "job:x", "sessions", ""})
        CHECK_FALSE(names_client(job));
}
