// Sessions and where they live.
#include "router/sessions.hpp"

#include <catch2/catch.hpp>

using namespace router;
using namespace std::chrono_literals;

namespace {
constexpr TimePoint start{};
constexpr SessionKey alice{1}, bob{2}, carol{3};
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
    Sessions s(2);
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
