// Pods that fail: back-off, crash loops, restarts in place, one rule a test.
#include <catch2/catch.hpp>

#include "yard.hpp"

using namespace autoscaler;
using pods::Phase;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST_CASE("a pod that ends after ten good seconds is replaced at once, in place", "[fleet]") {
    Yard y;
    y.ready(1);
    const PodId before = y.id(1);
    y.wait(seconds{10});
    y.exited(1, 137);
    CHECK(y.pod(1).phase == Phase::pending);
    CHECK(y.step() == "start 1");
    CHECK(y.pod(1).restarts == 1);
    CHECK(y.pod(1).exit_code == 137);
    CHECK(y.id(1) != before);
    CHECK_FALSE(y.fleet.crash_looping());
}

TEST_CASE("a pod that ends sooner is replaced after a back-off that doubles to a minute", "[fleet]") {
    Yard y;
    y.want(1);
    for (const int delay : {1, 2, 4, 8, 16, 32, 60, 60}) {
        y.started(1);
        y.exited(1);
        CHECK(y.step() == "");
        CHECK(y.pod(1).phase == Phase::crash_loop_back_off);
        CHECK(y.pod(1).reason == "Error");
        REQUIRE(y.fleet.next_due() == y.now + seconds{delay});
        y.now += seconds{delay} - milliseconds{1};
        CHECK(y.step() == "");
        y.now += milliseconds{1};
        CHECK(y.step() == "start 1");
        CHECK_FALSE(y.fleet.next_due());
    }
    CHECK(y.pod(1).restarts == 8);
}

TEST_CASE("failed starts back off alike, show their reason, and are no restarts", "[fleet]") {
    Yard y;
    y.want(1);
    y.fleet.start_failed(y.id(1), "ErrImagePull", "no such image", y.now);
    CHECK(y.step() == "");
    CHECK(y.pod(1).phase == Phase::error);
    CHECK(y.pod(1).reason == "ErrImagePull");
    CHECK(y.pod(1).message == "no such image");
    CHECK(y.pod(1).restarts == 0);
    CHECK(y.fleet.next_due() == y.now + seconds{1});
    y.wait(seconds{1});
    CHECK(y.step() == "start 1");
}

TEST_CASE("ten good seconds of any pod reset the back-off", "[fleet]") {
    Yard y;
    y.want(2);
    for (int i = 0; i < 4; ++i) {
        y.fail_start(2);
        y.wait(seconds{60});
        y.step();
    }
    y.started(1);
    y.passed(1);
    y.wait(seconds{10});
    y.fail_start(2);
    CHECK(y.fleet.next_due() == y.now + seconds{1});
}

TEST_CASE("one bad place backs off longer and longer beside a healthy pod", "[fleet]") {
    Yard y;
    y.ready(1);
    y.wait(seconds{60});
    y.want(2);
    for (const int delay : {1, 2, 4, 8, 16, 32, 60}) {
        y.fail_start(2);
        REQUIRE(y.fleet.next_due() == y.now + seconds{delay});
        CHECK_FALSE(y.fleet.crash_looping());
        y.wait(seconds{delay});
        CHECK(y.step() == "start 2");
    }
    y.exited(1);
    CHECK_FALSE(y.fleet.crash_looping());
}

TEST_CASE("five failures in a row without a ready pod are a crash loop, and a ready pod ends it", "[fleet]") {
    Yard y;
    y.want(1);
    for (int i = 0; i < 5; ++i) {
        CHECK_FALSE(y.fleet.crash_looping());
        y.fail_start(1);
        y.wait(seconds{60});
        y.step();
    }
    CHECK(y.fleet.crash_looping());
    y.started(1);
    y.passed(1);
    CHECK_FALSE(y.fleet.crash_looping());
}

TEST_CASE("a crash loop that nobody wants any more is forgotten, so that the next demand tries again",
          "[fleet]") {
    Yard y;
    y.want(1);
    for (int i = 0; i < 5; ++i) {
        y.fail_start(1);
        if (i == 4) break;
        y.wait(seconds{60});
        y.step();
    }
    CHECK(y.fleet.crash_looping());
    CHECK(y.want(0) == "");
    CHECK(y.fleet.pods().empty());
    CHECK_FALSE(y.fleet.crash_looping());
    CHECK_FALSE(y.fleet.next_due());
    CHECK(y.want(1) == "start 1");
}

TEST_CASE("an unhealthy pod is stopped with its leases, and restarted in place", "[fleet]") {
    Yard y;
    y.ready(1);
    y.load[1] = {1, 3};
    y.wait(seconds{30});
    y.fleet.unhealthy(y.id(1), "liveness probe failed: timeout", y.now);
    CHECK(y.step() == "withdraw 1, stop 1");
    CHECK(y.pod(1).phase == Phase::terminating);
    CHECK(y.pod(1).reason == "Unhealthy");
    y.exited(1, 143);
    CHECK(y.step() == "");
    y.stopped(1);
    CHECK(y.step() == "start 1");
    CHECK(y.pod(1).restarts == 1);
}

TEST_CASE("an unhealthy pod that is not wanted any more does not come back", "[fleet]") {
    Yard y;
    y.ready(1);
    y.fleet.unhealthy(y.id(1), "liveness probe failed", y.now);
    CHECK(y.want(0) == "withdraw 1, stop 1");
    y.stopped(1);
    CHECK(y.fleet.pods().empty());
}

TEST_CASE("a pod that is being restarted goes before one that starts", "[fleet]") {
    Yard y;
    y.ready(1);
    y.want(2);
    y.started(2);
    y.fleet.unhealthy(y.id(1), "liveness probe failed", y.now);
    CHECK(y.want(1) == "withdraw 1, stop 1");
    CHECK(y.pod(1).draining);
    CHECK_FALSE(y.pod(2).draining);
}

TEST_CASE("a draining pod is called back in place of one that has crashed", "[fleet]") {
    Yard y;
    y.ready(2);
    y.load[1] = y.load[2] = {1, 0};
    CHECK(y.want(1) == "drain 2");
    y.exited(1);
    CHECK(y.step() == "readmit 2");
    CHECK(y.fleet.pods().size() == 1);
}

TEST_CASE("a draining pod that ends by itself is not replaced", "[fleet]") {
    Yard y;
    y.ready(1);
    y.load[1] = {1, 0};
    y.want(0);
    y.exited(1);
    CHECK(y.fleet.pods().empty());
}

TEST_CASE("events of instances that are gone are ignored", "[fleet]") {
    Yard y;
    y.ready(1);
    const PodId old = y.id(1);
    y.exited(1);
    y.wait(seconds{1});
    y.step();
    for (const PodId id : {old, PodId{999}}) {
        y.fleet.started(id, y.now);
        y.fleet.start_failed(id, "FailedStart", "", y.now);
        y.fleet.passed(id, y.now);
        y.fleet.failed_probe(id, y.now);
        y.fleet.unhealthy(id, "", y.now);
        y.fleet.exited(id, 1, "", y.now);
        y.fleet.stopped(id, y.now);
        y.fleet.still_busy(id, y.now);
    }
    CHECK(y.pod(1).phase == Phase::container_creating);
    CHECK(y.pod(1).restarts == 1);
    CHECK(y.step() == "");
}
