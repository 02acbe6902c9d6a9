// How many may wait, and how long.
#include "desk.hpp"

using namespace std::chrono_literals;

TEST_CASE("a full queue turns away, and takes again when somebody left", "[pool]") {
    Desk d;
    d.change([](auto& s) { s.queue_depth = 2; });
    CHECK(d.arrive() == 1);
    CHECK(d.arrive() == 2);
    CHECK(d.arrive() == 0);
    CHECK(d.pool.usage(d.now).arrivals == 2);
    d.leave(1);
    CHECK(d.arrive() == 3);
    CHECK(d.granted() == "");
}

TEST_CASE("a queue is full when it holds too many octets", "[pool]") {
    Desk d;
    d.change([](auto& s) { s.queue_bytes = 100; });
    CHECK(d.arrive(101) == 0);
    CHECK(d.arrive(60) == 1);
    CHECK(d.arrive(41) == 0);
    CHECK(d.arrive(40) == 2);
    CHECK(d.arrive(1) == 0);
    CHECK(d.arrive(0) == 3);
    d.leave(1);
    CHECK(d.arrive(60) == 4);
    CHECK(d.granted() == "");
}

TEST_CASE("octets no longer count once the request has its slot", "[pool]") {
    Desk d;
    d.change([](auto& s) { s.queue_bytes = 100; });
    d.admit(1);
    d.arrive(100);
    CHECK(d.granted() == "1@1");
    CHECK(d.arrive(100) == 2);
    CHECK(d.arrive(1) == 0);
}

TEST_CASE("octets at the end of the number range do not wrap round", "[pool]") {
    Desk d;
    CHECK(d.arrive(~std::uint64_t{0}) == 0);
    CHECK(d.arrive(1) == 1);
    CHECK(d.arrive(~std::uint64_t{0}) == 0);
}

TEST_CASE("whoever gets a slot at once passes a full queue", "[pool]") {
    Desk d;
    d.change([](auto& s) { s.queue_depth = 0; });
    CHECK(d.arrive() == 0);
    d.admit(1);
    CHECK(d.arrive() == 1);
    CHECK(d.granted() == "1@1");
    CHECK(d.arrive() == 0);
    d.admit(2);
    CHECK(d.arrive_for(1) == 0);  // its own pod is busy, and it would not take another
    CHECK(d.arrive_for(2) == 2);
    CHECK(d.granted() == "2@2");
}

TEST_CASE("a stranger passes sessions that fill the queue, if a pod is free", "[pool]") {
    Desk d;
    d.change([](auto& s) { s.queue_depth = 1; });
    d.admit(1);
    d.arrive_for(1);
    d.granted();
    CHECK(d.arrive_for(1) == 2);
    CHECK(d.arrive() == 0);
    d.admit(2);
    CHECK(d.arrive() == 3);
    CHECK(d.granted() == "3@2");
}

TEST_CASE("a slot that somebody has just lost patience for lets nobody pass a full queue", "[pool]") {
    Desk d;
    d.change([](auto& s) { s.queue_bytes = 100, s.affinity_wait = 2s; });
    d.admit(1);
    d.admit(2);
    d.arrive_for(1);
    d.granted();
    CHECK(d.arrive_for(1, 10) == 2);
    d.wait(2s);
    CHECK(d.arrive(1000) == 0);
    CHECK(d.granted() == "2@2");
}

TEST_CASE("the queue's budget counts while a pod is ready, the cold start's while none is", "[pool]") {
    Desk d;
    d.change([](auto& s) { s.queue_timeout = 10s, s.cold_start_timeout = 60s; });
    d.arrive();
    d.arrive();
    d.wait(40s);
    CHECK(d.expired() == "");
    d.admit(1);
    CHECK(d.granted() == "1@1");
    d.wait(9s);
    CHECK(d.waited(1).cold == 40s);
    CHECK(d.waited(1).queue == 0s);
    CHECK(d.waited(2).cold == 40s);
    CHECK(d.waited(2).queue == 9s);
    CHECK(d.expired() == "");
    d.drain(1);
    d.wait(19s);  // cold again: 59 s of 60
    CHECK(d.expired() == "");
    CHECK(d.pool.next_due(d.now) == d.now + 1s);
    d.wait(1s);
    CHECK(d.expired() == "2 cold");
}

TEST_CASE("who waits too long for a busy pod is turned away, the longest waiting first", "[pool]") {
    Desk d;
    d.change([](auto& s) { s.queue_timeout = 10s; });
    d.admit(1);
    d.arrive();
    d.granted();
    d.arrive();
    d.arrive_for(1);
    d.wait(5s);
    d.arrive();
    CHECK(d.pool.next_due(d.now) == d.now + 5s);
    d.wait(5s - 1ns);
    CHECK(d.expired() == "");
    d.wait(1ns);
    CHECK(d.expired() == "2 queue, 3 queue");
    CHECK(d.pool.waiting() == 1);
    CHECK(d.leases(1) == 1);  // the budget is one of waiting: whoever works is not touched
}

TEST_CASE("budgets that are changed live hold for those who wait already", "[pool]") {
    Desk d;
    d.arrive();
    d.wait(30s);
    CHECK(d.expired() == "");
    d.change([](auto& s) { s.cold_start_timeout = 30s; });
    CHECK(d.expired() == "1 cold");
}

TEST_CASE("a smaller depth evicts nobody and lets nobody in", "[pool]") {
    Desk d;
    for (int i = 0; i < 5; ++i) d.arrive();
    d.change([](auto& s) { s.queue_depth = 3; });
    CHECK(d.pool.waiting() == 5);
    CHECK(d.arrive() == 0);
    d.leave(1);
    d.leave(2);
    CHECK(d.arrive() == 0);
    d.leave(3);
    CHECK(d.arrive() == 6);
}

TEST_CASE("while pods cannot be had everybody is turned away, unless one is ready", "[pool]") {
    Desk d;
    d.arrive();
    d.pool.refuse_all(true);
    CHECK(d.pool.next_due(d.now) == d.now);
    CHECK(d.expired() == "1 unavailable");
    d.admit(1);
    d.arrive();
    d.arrive();
    CHECK(d.granted() == "2@1");
    CHECK(d.expired() == "");
    d.bench(1);
    CHECK(d.expired() == "3 unavailable");
    d.pool.refuse_all(false);
    d.arrive();
    CHECK(d.expired() == "");
}

TEST_CASE("an empty queue is never due", "[pool]") {
    Desk d;
    CHECK_FALSE(d.pool.next_due(d.now));
    d.admit(1);
    d.arrive();
    d.granted();
    CHECK_FALSE(d.pool.next_due(d.now));
    d.pool.refuse_all(true);
    CHECK_FALSE(d.pool.next_due(d.now));
}

TEST_CASE("demand is the integral of waiting and running requests", "[pool]") {
    Desk d;
    d.wait(5s);
    d.arrive();
    d.arrive();
    d.wait(2s);
    d.admit(1);
    d.granted();
    d.wait(1s);
    d.leave(1);
    d.granted();
    d.wait(4s);
    const auto usage = d.pool.usage(d.now);
    CHECK(usage.demand_seconds == Approx(2 * 3 + 4));
    CHECK(usage.arrivals == 2);
    CHECK(usage.waiting == 0);
    CHECK(usage.running == 1);
}
