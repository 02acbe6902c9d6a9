// Pods that come, fail, drain and go, and requests that are tried again.
#include "desk.hpp"

using namespace std::chrono_literals;

TEST_CASE("a retried request stands where it stood", "[pool]") {
    Desk d;
    d.admit(1);
    for (int i = 0; i < 3; ++i) d.arrive();
    CHECK(d.granted() == "1@1");
    d.bench(1);
    CHECK(d.retry(1));
    CHECK(d.granted() == "");
    d.admit(2);
    CHECK(d.granted() == "1@2");
}

TEST_CASE("a pod that another gateway has still is there, and gives out no slot until it is admitted",
          "[pool]") {
    Desk d;
    d.pool.expect(pods::PodId{1}, d.now);
    d.arrive();
    CHECK(d.granted() == "");
    CHECK(d.pool.admitted(pods::PodId{1}));
    CHECK(d.pool.elsewhere(pods::PodId{1}));
    d.admit(1);
    CHECK_FALSE(d.pool.elsewhere(pods::PodId{1}));
    CHECK(d.granted() == "1@1");
}

TEST_CASE("only who holds a slot can be retried", "[pool]") {
    Desk d;
    d.arrive();
    CHECK_FALSE(d.retry(1));
    CHECK_FALSE(d.retry(2));
    d.admit(1);
    d.granted();
    d.leave(1);
    CHECK_FALSE(d.retry(1));
}

TEST_CASE("a retried request is let in even if the queue is full", "[pool]") {
    Desk d;
    d.change([](auto& s) { s.queue_depth = 1, s.queue_bytes = 10; });
    d.admit(1);
    d.arrive(10);
    d.granted();
    d.arrive(10);
    d.bench(1);
    CHECK(d.retry(1));
    CHECK(d.granted() == "");
    CHECK(d.pool.waiting() == 2);
    CHECK(d.arrive() == 0);
}

TEST_CASE("the time on a pod that died is not time in the queue", "[pool]") {
    Desk d;
    d.change([](auto& s) { s.queue_timeout = 10s, s.cold_start_timeout = 10s; });
    d.arrive();
    d.wait(3s);
    d.admit(1);
    d.wait(2s);
    CHECK(d.granted() == "1@1");
    d.wait(1h);
    CHECK(d.waited(1).cold == 3s);
    CHECK(d.waited(1).queue == 2s);
    d.bench(1);
    d.retry(1);
    CHECK(d.expired() == "");
    d.wait(7s - 1ns);
    CHECK(d.expired() == "");
    CHECK(d.pool.next_due(d.now) == d.now + 1ns);
    d.wait(1ns);
    CHECK(d.expired() == "1 cold");
}

TEST_CASE("a retried request that has hardly waited hides nobody whose time is over", "[pool]") {
    Desk d;
    d.change([](auto& s) { s.queue_timeout = 10s; });
    d.admit(1);
    d.admit(2);
    d.arrive();
    d.arrive();
    CHECK(d.granted() == "1@1, 2@2");
    d.arrive();
    d.wait(10s);
    d.bench(2);
    d.retry(2);
    CHECK(d.pool.next_due(d.now) == d.now);
    CHECK(d.expired() == "3 queue");
    CHECK(d.pool.next_due(d.now) == d.now + 10s);
}

TEST_CASE("three failures in a row bench a pod, and a success between them does not", "[pool]") {
    Desk d;
    d.admit(1);
    d.fail(1);
    d.fail(1);
    d.succeed(1);
    d.fail(1);
    d.fail(1);
    CHECK(d.admitted(1));
    d.fail(1);
    CHECK_FALSE(d.admitted(1));
    CHECK(d.pool.benched() == std::vector{router::PodId{1}});
    d.arrive();
    CHECK(d.granted() == "");
    d.admit(1);
    CHECK(d.pool.benched().empty());
    CHECK(d.granted() == "1@1");
    d.fail(1);
    d.fail(1);
    CHECK(d.admitted(1));  // counted anew
}

TEST_CASE("a broken connection benches a pod at once, and its lease stays with its request", "[pool]") {
    Desk d;
    d.admit(1);
    d.arrive();
    d.granted();
    d.arrive();
    d.bench(1);
    CHECK(d.granted() == "");
    CHECK(d.leases(1) == 1);
    d.leave(1);
    CHECK(d.granted() == "");
    CHECK(d.leases(1) == 0);
    d.admit(1);
    CHECK(d.granted() == "2@1");
}

TEST_CASE("a benched pod that is admitted again still counts the lease it had", "[pool]") {
    Desk d;
    d.admit(1);
    d.arrive();
    d.granted();
    d.arrive();
    d.bench(1);
    d.admit(1);
    CHECK(d.granted() == "");
    d.leave(1);
    CHECK(d.granted() == "2@1");
}

TEST_CASE("a drained pod gets nothing new, and those who waited for it go elsewhere at their place",
          "[pool]") {
    Desk d;
    d.admit(1);
    d.admit(2);
    d.arrive_for(1);
    d.arrive_for(2);
    CHECK(d.granted() == "1@1, 2@2");
    d.arrive_for(1);
    d.arrive();
    d.drain(1);
    d.leave(1);
    CHECK(d.granted() == "");
    d.leave(2);
    CHECK(d.granted() == "3@2");
    d.leave(3);
    CHECK(d.granted() == "4@2");
}

TEST_CASE("a drained pod is not benched, and benching it does not make control probe it", "[pool]") {
    Desk d;
    d.admit(1);
    d.bench(1);
    d.drain(1);
    CHECK(d.pool.benched().empty());
    d.bench(1);
    CHECK(d.pool.benched().empty());
}

TEST_CASE("a draining pod that is admitted again serves at once", "[pool]") {
    Desk d;
    d.admit(1);
    d.drain(1);
    d.arrive();
    CHECK(d.granted() == "");
    d.admit(1);
    CHECK(d.granted() == "1@1");
}

TEST_CASE("a forgotten pod frees its waiters, and its leases end without it", "[pool]") {
    Desk d;
    d.admit(1);
    d.arrive_for(1);
    d.granted();
    d.arrive_for(1);
    d.forget(1);
    CHECK(d.granted() == "");
    CHECK(d.pool.holder(router::Ticket{1}) == router::PodId{1});
    CHECK(d.pool.running() == 1);
    d.leave(1);
    CHECK(d.pool.running() == 0);
    d.admit(2);
    CHECK(d.granted() == "2@2");
}

TEST_CASE("a request whose pod was forgotten can be retried", "[pool]") {
    Desk d;
    d.admit(1);
    d.arrive();
    d.granted();
    d.forget(1);
    d.admit(2);
    CHECK(d.retry(1));
    CHECK(d.granted() == "1@2");
}

TEST_CASE("a retried session waits for its own pod if that is there", "[pool]") {
    Desk d;
    d.change([](auto& s) { s.affinity_wait = 1s; });
    d.admit(1);
    d.admit(2);
    d.arrive_for(1);
    d.arrive_for(1);
    d.granted();
    d.wait(1s);
    CHECK(d.granted() == "2@2");  // out of patience
    d.change([](auto& s) { s.affinity_wait = std::nullopt; });
    d.bench(2);
    d.retry(2);
    d.admit(3);
    CHECK(d.granted() == "");
    d.leave(1);
    CHECK(d.granted() == "2@1");
}

TEST_CASE("words about unknown pods are harmless", "[pool]") {
    Desk d;
    d.drain(7);
    d.forget(7);
    d.bench(7);
    d.fail(7);
    d.succeed(7);
    d.sessions(7, 3);
    CHECK_FALSE(d.admitted(7));
    CHECK(d.leases(7) == 0);
    CHECK_FALSE(d.pool.any_admitted());
    CHECK_FALSE(d.pool.holder(router::Ticket{7}));
    CHECK(d.waited(7).queue == 0s);
    CHECK(d.granted() == "");
}

TEST_CASE("admitting twice and draining twice count once", "[pool]") {
    Desk d;
    d.admit(1);
    d.admit(1);
    CHECK(d.pool.any_admitted());
    d.drain(1);
    d.drain(1);
    CHECK_FALSE(d.pool.any_admitted());
    CHECK(d.granted() == "");
}
