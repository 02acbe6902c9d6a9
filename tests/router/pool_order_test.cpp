// Who gets which slot: order of arrival, sessions, the choice of the pod.
#include "desk.hpp"

using namespace std::chrono_literals;

TEST_CASE("a freed slot goes to the request that waited longest", "[pool]") {
    Desk d;
    d.admit(1);
    for (int i = 0; i < 3; ++i) d.arrive();
    CHECK(d.granted() == "1@1");
    d.leave(1);
    CHECK(d.granted() == "2@1");
    d.leave(2);
    CHECK(d.granted() == "3@1");
}

TEST_CASE("requests that came while no pod was there are served in the order in which they came", "[pool]") {
    Desk d;
    for (int i = 0; i < 4; ++i) d.arrive();
    CHECK(d.granted() == "");
    d.admit(2);
    d.admit(1);
    CHECK(d.granted() == "1@1, 2@2");
}

TEST_CASE("who leaves the queue is passed over, and leaving twice is harmless", "[pool]") {
    Desk d;
    for (int i = 0; i < 3; ++i) d.arrive();
    d.leave(1);
    d.leave(1);
    d.leave(99);
    d.admit(1);
    CHECK(d.granted() == "2@1");
    d.leave(2);
    d.leave(2);
    CHECK(d.granted() == "3@1");
    CHECK(d.leases(1) == 1);
}

TEST_CASE("a pod gets as many requests as it has slots", "[pool]") {
    Desk d(3);
    d.admit(1);
    for (int i = 0; i < 5; ++i) d.arrive();
    CHECK(d.granted() == "1@1, 2@1, 3@1");
    CHECK(d.pool.waiting() == 2);
    CHECK(d.pool.running() == 3);
}

TEST_CASE("a session waits for its own busy pod while others pass it", "[pool]") {
    Desk d;
    d.admit(1);
    d.admit(2);
    d.arrive_for(1);
    CHECK(d.granted() == "1@1");
    d.arrive_for(1);
    d.arrive();
    d.arrive();
    CHECK(d.granted() == "3@2");
    d.leave(3);
    CHECK(d.granted() == "4@2");
    d.leave(1);
    CHECK(d.granted() == "2@1");
}

TEST_CASE("between a session and a stranger a slot goes to who came first", "[pool]") {
    const bool session_first = GENERATE(true, false);
    Desk d;
    d.admit(1);
    d.arrive();
    d.granted();
    if (session_first)
        d.arrive_for(1), d.arrive();
    else
        d.arrive(), d.arrive_for(1);
    d.leave(1);
    CHECK(d.granted() == "2@1");
    d.leave(2);
    CHECK(d.granted() == "3@1");
}

TEST_CASE("an older stranger does not take a session's pod when another is free", "[pool]") {
    Desk d;
    d.arrive();
    d.admit(1);
    d.sessions(1, 1);
    d.arrive_for(1);
    d.admit(2);
    CHECK(d.granted() == "1@2, 2@1");
}

TEST_CASE("a session whose pod takes no work goes wherever there is room", "[pool]") {
    Desk d;
    d.admit(2);
    SECTION("it was never there") {}
    SECTION("it drains") {
        d.admit(1);
        d.drain(1);
    }
    SECTION("it is benched") {
        d.admit(1);
        d.bench(1);
    }
    SECTION("it is gone") {
        d.admit(1);
        d.forget(1);
    }
    d.arrive_for(1);
    CHECK(d.granted() == "1@2");
}

TEST_CASE("with affinity-wait a session leaves for a free pod when its patience is over, and not before",
          "[pool]") {
    Desk d;
    d.change([](auto& s) { s.affinity_wait = 2s; });
    d.admit(1);
    d.admit(2);
    d.arrive_for(1);
    d.arrive_for(1);
    CHECK(d.granted() == "1@1");
    CHECK(d.pool.next_due(d.now) == d.now + 2s);
    d.wait(2s - 1ns);
    CHECK(d.granted() == "");
    d.wait(1ns);
    CHECK(d.granted() == "2@2");
}

TEST_CASE("a session that lost patience still goes to its own pod if that is free", "[pool]") {
    Desk d;
    d.change([](auto& s) { s.affinity_wait = 2s; });
    d.admit(1);
    d.arrive_for(1);
    d.granted();
    d.arrive_for(1);
    d.wait(3s);
    d.leave(1);
    d.admit(2);  // never used: of equals the other one would be chosen
    CHECK(d.granted() == "2@1");
}

TEST_CASE("a session that lost patience stands where it arrived among those who may go anywhere", "[pool]") {
    Desk d;
    d.change([](auto& s) { s.affinity_wait = 2s; });
    d.admit(1);
    d.admit(2);
    d.arrive_for(1);
    d.arrive_for(2);
    CHECK(d.granted() == "1@1, 2@2");
    d.arrive();
    d.arrive_for(1);
    d.arrive();
    d.wait(2s);
    d.leave(2);
    CHECK(d.granted() == "3@2");
    d.leave(3);
    CHECK(d.granted() == "4@2");
    d.leave(4);
    CHECK(d.granted() == "5@2");
}

TEST_CASE("affinity-wait that is set live holds for those who wait already", "[pool]") {
    Desk d;
    d.admit(1);
    d.admit(2);
    d.arrive_for(1);
    d.arrive_for(1);
    d.granted();
    d.wait(1h);
    CHECK(d.granted() == "");
    d.change([](auto& s) { s.affinity_wait = 2s; });
    CHECK(d.granted() == "2@2");
}

TEST_CASE("a request goes to the pod used last, so that surplus pods age", "[pool]") {
    Desk d;
    for (int pod = 1; pod <= 3; ++pod) d.admit(pod);
    for (int i = 0; i < 3; ++i) d.arrive();
    CHECK(d.granted() == "1@1, 2@2, 3@3");
    d.leave(2);
    d.leave(3);
    d.leave(1);
    for (int i = 0; i < 3; ++i) d.arrive();
    CHECK(d.granted() == "4@1, 5@3, 6@2");
}

TEST_CASE("a request keeps away from pods that sessions live on", "[pool]") {
    Desk d;
    d.admit(1);
    d.admit(2);
    d.arrive();
    CHECK(d.granted() == "1@1");
    d.leave(1);
    d.sessions(1, 2);
    d.sessions(2, 1);
    d.arrive();
    d.arrive();
    CHECK(d.granted() == "2@2, 3@1");
}

TEST_CASE("without a limit of concurrency nobody waits while a pod is there, and pods share the load",
          "[pool]") {
    Desk d(0);
    d.arrive();
    CHECK(d.granted() == "");
    d.admit(1);
    d.admit(2);
    for (int i = 0; i < 99; ++i) d.arrive();
    d.granted();
    CHECK(d.pool.waiting() == 0);
    CHECK(d.leases(1) == 50);
    CHECK(d.leases(2) == 50);
}

TEST_CASE("those who have waited longest are told first, and no more of them than asked for", "[pool]") {
    Desk d;
    CHECK(d.pool.longest_waiting(3).empty());
    for (int i = 0; i < 4; ++i) d.arrive();
    d.leave(2);
    CHECK(d.pool.longest_waiting(2) == std::vector{router::Ticket{1}, router::Ticket{3}});
    CHECK(d.pool.longest_waiting(9).size() == 3);
    CHECK(d.pool.longest_waiting(0).empty());
}

TEST_CASE("the slot that is held longest is known by its time", "[pool]") {
    Desk d;
    d.admit(1);
    d.admit(2);
    CHECK(d.pool.longest_held(d.now) == 0s);
    d.arrive();
    d.granted();
    d.wait(5s);
    d.arrive();
    d.granted();
    d.wait(2s);
    CHECK(d.pool.usage(d.now).longest_held == 7s);
    d.leave(1);
    CHECK(d.pool.longest_held(d.now) == 2s);
}
