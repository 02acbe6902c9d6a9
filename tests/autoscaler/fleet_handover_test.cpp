// Pods that come from the gateway before this one, and go to the next.
#include <catch2/catch.hpp>

#include "yard.hpp"

using namespace autoscaler;
using pods::Phase;

namespace {

FleetPod as_it_was(int ordinal) {
    FleetPod pod;
    pod.ordinal = ordinal;
    pod.restarts = 2;
    return pod;
}

}  // namespace

TEST_CASE("a promised pod counts as alive and is not started a second time", "[fleet]") {
    Yard y;
    y.fleet.promise(as_it_was(1));
    CHECK(y.want(1) == "");
    CHECK(y.fleet.alive() == 1);
    CHECK(y.pod(2).name == "sd-2");
    CHECK(y.pod(2).promised);
}

TEST_CASE("a pod that was handed over is admitted at once, with its past", "[fleet]") {
    Yard y;
    y.fleet.promise(as_it_was(0));
    y.started(1);
    y.passed(1);
    CHECK(y.want(1) == "admit 1");
    CHECK(y.pod(1).restarts == 2);
    CHECK_FALSE(y.pod(1).promised);
}

TEST_CASE("a promised pod that ends before it comes is replaced", "[fleet]") {
    Yard y;
    const auto id = y.fleet.promise(as_it_was(0));
    CHECK(y.want(1) == "");
    y.fleet.exited(id, 0, "ended", y.now);
    y.now += std::chrono::seconds(1);
    CHECK(y.step() == "start 1");
    CHECK_FALSE(y.pod(1).promised);
}

TEST_CASE("a promised pod that is wanted no more is stopped when it has come, not before", "[fleet]") {
    Yard y;
    y.fleet.promise(as_it_was(0));
    CHECK(y.want(0) == "");
    y.started(1);
    y.passed(1);
    CHECK(y.step() == "stop 1");
}

TEST_CASE("a pod that is handed to another gateway is forgotten and not stopped", "[fleet]") {
    Yard y;
    y.ready(1);
    y.fleet.handed_over(y.id(1));
    CHECK(y.fleet.pods().empty());
}
