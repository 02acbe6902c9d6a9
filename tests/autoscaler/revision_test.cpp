// A revision as the control loop drives it: pokes, bounds, scale to zero, live changes.
#include "autoscaler/revision.hpp"

#include <catch2/catch.hpp>

#include "tests/autoscaler/usual.hpp"

using namespace autoscaler;
using namespace autoscaler::test;

namespace {

Start running(Start::How how, int pods) {
    return {how, pods, pods};
}

// One second of the control loop.
Wish second(Revision& r, Second s, double concurrency, int ready) {
    r.record(s, concurrency, concurrency);
    if (s % 2 == 0) r.evaluate(ready, at(s));
    return r.reconcile(ready, at(s));
}

}  // namespace

TEST_CASE("the first request pokes and gets its pods in the same second", "[revision]") {
    Revision r(one_each(), at(0), {});
    CHECK(r.reconcile(0, at(11)).replicas == 0);
    r.record(11, 5, 5);
    REQUIRE(r.wants_poke(5));
    r.evaluate(0, at(11));
    const Wish wish = r.reconcile(0, at(11));
    CHECK(wish.replicas == 5);
    CHECK(wish.activity == Activity::activating);
    CHECK(wish.mode == Mode::proxy);
    CHECK(wish.reason == "panic: 5 in flight over 6 s want 5 pods at target 1");
    CHECK_FALSE(r.wants_poke(5));
}

TEST_CASE("nobody pokes without demand", "[revision]") {
    CHECK_FALSE(Revision(one_each(), at(0), {}).wants_poke(0));
}

TEST_CASE("max-scale bounds the replicas, and says so", "[revision]") {
    Revision r(one_each(), at(0), {});
    const Wish wish = second(r, 0, 30, 0);
    CHECK(wish.replicas == 10);
    CHECK(wish.reason == "panic: 30 in flight over 6 s want 30 pods at target 1; max-scale is 10");
}

TEST_CASE("min-scale holds without any load, and says so", "[revision]") {
    Settings s = one_each();
    s.min_scale = 2;
    Revision r(s, at(0), running(Start::How::steady, 2));
    const Wish wish = second(r, 0, 0, 2);
    CHECK(wish.replicas == 2);
    CHECK(wish.activity == Activity::active);
    CHECK_THAT(wish.reason, Catch::EndsWith("; min-scale is 2"));
}

TEST_CASE("zero comes exactly one stable window after the last request", "[revision]") {
    Revision r(one_each(), at(0), running(Start::How::steady, 1));
    for (Second s = 0; s < 100; ++s) REQUIRE(second(r, s, 1, 1).replicas == 1);
    for (Second s = 100; s < 160; ++s) REQUIRE(second(r, s, 0, 1).replicas == 1);
    CHECK(second(r, 160, 0, 1).activity == Activity::inactive);
    CHECK(second(r, 161, 0, 1).replicas == 0);
}

TEST_CASE("always in the path, a burst capacity of zero costs no grace period either", "[revision]") {
    Settings s = one_each();
    s.target_burst_capacity = 0;
    Revision r(s, at(0), running(Start::How::steady, 1));
    for (Second t = 0; t < 60; ++t) REQUIRE(second(r, t, 0, 1).replicas == 1);
    second(r, 60, 0, 1);
    CHECK(second(r, 61, 0, 1).replicas == 0);
}

TEST_CASE("a short window goes to zero as fast, however young the gateway", "[revision]") {
    Settings s = one_each();
    s.stable_window = seconds{6};
    s.panic_window = seconds{1};
    Revision r(s, at(0), {});
    CHECK(second(r, 0, 1, 1).replicas == 1);
    for (Second t = 1; t < 6; ++t) REQUIRE(second(r, t, 0, 1).replicas == 1);
    CHECK(second(r, 6, 0, 1).activity == Activity::inactive);
    CHECK(second(r, 7, 0, 1).replicas == 0);
}

TEST_CASE("a pod that is still starting is not taken away when its demand has gone", "[revision]") {
    Revision r(one_each(), at(0), {});
    CHECK(second(r, 0, 1, 0).replicas == 1);
    for (Second t = 1; t < 630; ++t) REQUIRE(second(r, t, 0, 0).replicas == 1);
    second(r, 630, 0, 0);
    CHECK(second(r, 631, 0, 0).replicas == 0);  // progress deadline and 30 s more
}

TEST_CASE("a revision that may not go to zero keeps one pod", "[revision]") {
    Settings s = one_each();
    s.enable_scale_to_zero = false;
    Revision r(s, at(0), running(Start::How::steady, 1));
    Wish wish;
    for (Second t = 0; t < 200; ++t) wish = second(r, t, 0, 1);
    CHECK(wish.replicas == 1);
    CHECK_THAT(wish.reason, Catch::EndsWith("; enable-scale-to-zero is false"));
}

TEST_CASE("retention keeps the last pod, and says for how long", "[revision]") {
    Settings s = one_each();
    s.scale_to_zero_pod_retention_period = seconds{90};
    Revision r(s, at(0), running(Start::How::steady, 1));
    Wish wish;
    for (Second t = 0; t <= 100; ++t) wish = second(r, t, 0, 1);
    CHECK(wish.replicas == 1);
    CHECK_THAT(wish.reason, Catch::EndsWith("; scale-to-zero-pod-retention-period keeps 1 pod for 50 s"));
    for (Second t = 101; t <= 150; ++t) wish = second(r, t, 0, 1);
    CHECK(wish.replicas == 0);
}

TEST_CASE("a fresh revision wants its initial scale until it was reached once", "[revision]") {
    Settings s = one_each();
    s.initial_scale = 3;
    Revision r(s, at(0), {Start::How::fresh, 0, 0});
    Wish wish = r.reconcile(0, at(0));
    CHECK(wish.replicas == 3);
    CHECK_THAT(wish.reason, Catch::Contains("initial-scale is 3"));
    CHECK(second(r, 2, 0, 2).activity == Activity::activating);
    CHECK(second(r, 3, 0, 3).activity == Activity::active);
    CHECK(second(r, 4, 0, 3).replicas == 1);
}

TEST_CASE("an initial scale of zero starts nothing", "[revision]") {
    Settings s = one_each();
    s.initial_scale = 0;
    Revision r(s, at(0), {Start::How::fresh, 0, 0});
    CHECK(r.reconcile(0, at(0)).replicas == 0);
}

TEST_CASE("after a restart no pod goes before a stable window has passed", "[revision]") {
    Revision r(one_each(), at(0), running(Start::How::restart, 5));
    CHECK(r.panicking());
    CHECK(r.reconcile(5, at(0)).replicas == 5);
    for (Second t = 0; t <= 60; ++t) REQUIRE(second(r, t, 1, 5).replicas == 5);
    second(r, 61, 1, 5);
    CHECK(second(r, 62, 1, 5).replicas == 2);
}

TEST_CASE("without data the last decision stays in force", "[revision]") {
    Revision r(one_each(), at(0), running(Start::How::steady, 4));
    r.record(0, 4, 4);
    CHECK(r.evaluate(4, at(0)).desired == 4);
    CHECK(r.evaluate(4, at(70)).desired == 4);
    CHECK_FALSE(r.valid());
}

TEST_CASE("bounds change live", "[revision]") {
    Settings s = one_each();
    Revision r(s, at(0), running(Start::How::steady, 8));
    CHECK(second(r, 0, 8, 8).replicas == 8);
    s.max_scale = 3;
    r.configure(s, at(1));
    CHECK(r.reconcile(8, at(1)).replicas == 3);
}

TEST_CASE("windows change live and keep what they know", "[revision]") {
    Settings s = one_each();
    Revision r(s, at(0), running(Start::How::steady, 4));
    for (Second t = 0; t < 60; ++t) second(r, t, 4, 4);
    s.stable_window = seconds{10};
    s.panic_window = seconds{1};
    r.configure(s, at(60));
    r.record(60, 0, 0);
    r.evaluate(4, at(60));
    REQUIRE(r.averages());
    CHECK(*r.averages() == Averages{3.6, 0});
}
