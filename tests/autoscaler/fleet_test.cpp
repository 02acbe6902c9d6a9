// Starting, readiness, leaving and limits, one rule a test.
#include <catch2/catch.hpp>

#include "yard.hpp"

using namespace autoscaler;
using pods::Phase;
using std::chrono::seconds;

TEST_CASE("a wanted pod is started, and admitted when it passes its probe", "[fleet]") {
    Yard y;
    CHECK(y.want(1) == "start 1");
    CHECK(y.pod(1).phase == Phase::container_creating);
    CHECK(y.pod(1).name == "sd-1");
    y.started(1);
    CHECK(y.step() == "");
    CHECK(y.pod(1).phase == Phase::running);
    CHECK(y.pod(1).reason == "ContainersNotReady");
    CHECK(y.fleet.starting() == 1);
    y.passed(1);
    CHECK(y.step() == "admit 1");
    CHECK(y.step() == "");
    CHECK(y.fleet.ready() == 1);
    CHECK(y.pod(1).reason.empty());
}

TEST_CASE("lost readiness withdraws a pod and keeps it, regained readiness admits it", "[fleet]") {
    Yard y;
    y.ready(1);
    y.fleet.failed_probe(y.id(1), y.now);
    CHECK(y.step() == "withdraw 1");
    CHECK(y.fleet.ready() == 0);
    CHECK(y.pod(1).restarts == 0);
    y.passed(1);
    CHECK(y.step() == "admit 1");
}

TEST_CASE("readiness that comes and goes between two steps is not told", "[fleet]") {
    Yard y;
    y.ready(1);
    y.fleet.failed_probe(y.id(1), y.now);
    y.passed(1);
    CHECK(y.step() == "");
}

TEST_CASE("an idle pod is drained and stopped in one step, and forgotten when it is gone", "[fleet]") {
    Yard y;
    y.ready(1);
    CHECK(y.want(0) == "drain 1, stop 1");
    CHECK(y.pod(1).phase == Phase::terminating);
    CHECK(y.fleet.alive() == 1);
    y.stopped(1);
    CHECK(y.fleet.pods().empty());
    CHECK(y.step() == "");
}

TEST_CASE("a pod with a lease is stopped only when the lease has ended", "[fleet]") {
    Yard y;
    y.ready(1);
    y.load[1] = {1, 0};
    CHECK(y.want(0) == "drain 1");
    y.wait(seconds{3600});
    CHECK(y.step() == "");
    CHECK(y.pod(1).draining);
    CHECK(y.fleet.ready() == 0);
    y.load[1] = {};
    CHECK(y.step() == "stop 1");
}

TEST_CASE("demand that returns before the stop readmits the pod", "[fleet]") {
    Yard y;
    y.ready(1);
    y.load[1] = {1, 0};
    y.want(0);
    CHECK(y.want(1) == "readmit 1");
    CHECK(y.fleet.ready() == 1);
    CHECK(y.step() == "");
}

TEST_CASE("demand that returns after the stop starts another pod, under another name", "[fleet]") {
    Yard y;
    y.ready(1);
    y.want(0);
    CHECK(y.want(1) == "start 2");
    y.stopped(1);
    CHECK(y.fleet.pods().size() == 1);
    CHECK(y.want(2) == "start 1");
}

TEST_CASE("a draining pod that is not ready when called back is admitted when it is", "[fleet]") {
    Yard y;
    y.ready(1);
    y.load[1] = {1, 0};
    y.want(0);
    y.fleet.failed_probe(y.id(1), y.now);
    CHECK(y.want(1) == "");
    y.passed(1);
    CHECK(y.step() == "admit 1");
}

TEST_CASE("a lease that slipped in before the drain keeps its pod draining", "[fleet]") {
    Yard y;
    y.ready(1);
    CHECK(y.want(0) == "drain 1, stop 1");
    y.load[1] = {1, 0};
    y.fleet.still_busy(y.id(1), y.now);
    CHECK(y.step() == "");
    CHECK(y.pod(1).phase == Phase::running);
    y.load[1] = {};
    CHECK(y.step() == "stop 1");
}

TEST_CASE("pods that are not ready go first, the newest of them first", "[fleet]") {
    Yard y;
    y.ready(2);
    CHECK(y.want(4) == "start 3, start 4");
    y.started(3);
    y.started(4);
    CHECK(y.want(3) == "stop 4");
    CHECK(y.want(2) == "stop 3");
}

TEST_CASE("an older pod that is not ready goes before a newer one that is", "[fleet]") {
    Yard y;
    y.ready(2);
    y.fleet.failed_probe(y.id(1), y.now);
    CHECK(y.want(1) == "drain 1, stop 1");
}

TEST_CASE("of pods that drain a ready one is called back first, then the oldest", "[fleet]") {
    Yard y;
    y.ready(3);
    y.load[1] = y.load[2] = y.load[3] = {1, 0};
    y.want(0);
    y.fleet.failed_probe(y.id(1), y.now);
    CHECK(y.want(1) == "readmit 2");
    CHECK(y.want(2) == "readmit 3");
    CHECK(y.want(3) == "");
}

TEST_CASE("a pod is stopped only after its driver has answered the start", "[fleet]") {
    Yard y;
    y.want(1);
    CHECK(y.want(0) == "");
    CHECK(y.fleet.alive() == 1);
    y.started(1);
    CHECK(y.step() == "stop 1");
}

TEST_CASE("a pod that was to go while it started stays without a word when it is wanted again", "[fleet]") {
    Yard y;
    y.want(1);
    y.want(0);
    CHECK(y.want(1) == "");
    y.started(1);
    y.passed(1);
    CHECK(y.step() == "admit 1");
}

TEST_CASE("idle pods go before busy ones, fewer sessions first, then the newest", "[fleet]") {
    Yard y;
    y.ready(4);
    y.load[1] = {0, 1};
    y.load[2] = {0, 0};
    y.load[3] = {0, 0};
    y.load[4] = {1, 0};
    CHECK(y.want(3) == "drain 3, stop 3");
    CHECK(y.want(2) == "drain 2, stop 2");
    CHECK(y.want(1) == "drain 1, stop 1");
    CHECK(y.want(0) == "drain 4");
}

TEST_CASE("a withdrawn pod with a lease is worth more than an idle one", "[fleet]") {
    Yard y;
    y.ready(2);
    y.load[2] = {1, 0};
    y.fleet.failed_probe(y.id(2), y.now);
    y.step();
    CHECK(y.want(1) == "drain 1, stop 1");
}

TEST_CASE("what stops counts against the limit until it is gone", "[fleet]") {
    Yard y;
    y.plan.limit = 2;
    y.ready(2);
    y.want(1);
    CHECK(y.want(2) == "");
    CHECK(y.pod(3).phase == Phase::pending);
    CHECK(y.pod(3).reason == "Unschedulable");
    CHECK(y.pod(3).message == "waits until a pod that leaves is gone: 2 may exist at once");
    y.stopped(2);
    CHECK(y.step() == "start 3");
}

TEST_CASE("never more than the limit, whatever is wanted", "[fleet]") {
    Yard y;
    y.plan.limit = 2;
    CHECK(y.want(7) == "start 1, start 2");
    CHECK(y.fleet.pods().size() == 2);
}

TEST_CASE("a pod waits for a GPU and says so", "[fleet]") {
    Yard y;
    y.plan.may_start = 1;
    CHECK(y.want(2) == "start 1");
    CHECK(y.pod(2).reason == "Unschedulable");
    CHECK(y.pod(2).message == "waits for a free GPU");
    CHECK_FALSE(y.fleet.next_due());
    CHECK(y.step() == "start 2");
    CHECK(y.pod(2).reason.empty());
}

TEST_CASE("a lowered limit is reached by draining", "[fleet]") {
    Yard y;
    y.ready(3);
    y.load[1] = {1, 0};
    y.plan.limit = 1;
    CHECK(y.step() == "drain 3, drain 2, stop 2, stop 3");
}

TEST_CASE("names take the lowest free number and pods stand in their order", "[fleet]") {
    Yard y;
    y.ready(3);
    y.load[1] = y.load[3] = {1, 0};
    CHECK(y.want(2) == "drain 2, stop 2");
    y.stopped(2);
    CHECK(y.want(4) == "start 2, start 4");
    for (std::size_t i = 0; i < 4; ++i) CHECK(y.fleet.pods()[i].ordinal == static_cast<int>(i));
}

TEST_CASE("an absurd plan is bounded", "[fleet]") {
    Yard y;
    y.plan.may_start = 0;
    y.want(Plan::unbounded);
    CHECK(y.fleet.pods().size() == Fleet::most_pods);
    y.want(-5);
    CHECK(y.fleet.pods().empty());
}

TEST_CASE("no more pods start at once than may, and the next one when one of them is ready", "[fleet]") {
    Yard y;
    y.plan.max_starting = 2;
    CHECK(y.want(4) == "start 1, start 2");
    CHECK(y.pod(3).message == "waits until one of those that start is ready: max-starting is 2");
    y.started(1);
    CHECK(y.step() == "");
    y.passed(1);
    CHECK(y.step() == "admit 1, start 3");
    y.want(2);
    CHECK(y.pod(3).draining);  // the one that waited is gone, and the newest start follows
    CHECK(y.fleet.pods().size() == 3);
}

TEST_CASE("whoever is named goes, but not when somebody has come meanwhile", "[fleet]") {
    Yard y;
    y.ready(3);
    y.plan.wanted = 2;
    y.plan.leaving = {y.id(1)};
    CHECK(y.step() == "drain 1, stop 1");
    y.plan.leaving = {y.id(2)};
    y.load[2] = {1, 0};
    CHECK(y.step() == "");
}
