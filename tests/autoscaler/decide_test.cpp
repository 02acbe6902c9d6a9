// Knative's decision, rule by rule, and the sentences that explain it.
#include "autoscaler/decide.hpp"

#include <catch2/catch.hpp>

#include "tests/autoscaler/usual.hpp"

using namespace autoscaler;
using namespace autoscaler::test;

namespace {

constexpr TimePoint start{};

Observed seen(double stable, double panic, int ready) {
    return {{stable, panic}, ready, true};
}

}  // namespace

TEST_CASE("a calm average is divided by the target and rounded up", "[decide]") {
    Memory memory;
    Settings s = one_each();
    s.target = 0.7;
    const Decision d = decide(s, seen(5, 5, 6), memory, start);
    CHECK(d.desired == 8);
    CHECK(d.rule == Rule::stable);
    CHECK(sentence(d) == "stable: 5 in flight over 60 s want 8 pods at target 0.7");
}

TEST_CASE("a burst of twice what is ready is panic", "[decide]") {
    Memory memory;
    const Decision d = decide(one_each(), seen(0.5, 5, 1), memory, start);
    CHECK(d.desired == 5);
    CHECK(d.panic);
    CHECK(sentence(d) == "panic: 5 in flight over 6 s want 5 pods at target 1");
}

TEST_CASE("panic never shrinks and ends a stable window after the last burst", "[decide]") {
    Memory memory;
    const Settings s = one_each();
    decide(s, seen(5, 5, 1), memory, start);
    const Decision held = decide(s, seen(2, 0, 5), memory, start + seconds{60});
    CHECK(held.desired == 5);
    CHECK(sentence(held) == "panic: holds 5 pods until 60 s after the last burst");
    const Decision calm = decide(s, seen(2, 0, 5), memory, start + seconds{62});
    CHECK(calm.desired == 2);
    CHECK_FALSE(calm.panic);
    CHECK(memory.panic_pods == 0);
}

TEST_CASE("another burst extends panic", "[decide]") {
    Memory memory;
    const Settings s = one_each();
    decide(s, seen(5, 5, 1), memory, start);
    decide(s, seen(5, 10, 5), memory, start + seconds{50});
    CHECK(decide(s, seen(1, 0, 5), memory, start + seconds{110}).panic);
    CHECK_FALSE(decide(s, seen(1, 0, 5), memory, start + seconds{111}).panic);
}

TEST_CASE("rates bound a step by the ready pods, and none counts as one", "[decide]") {
    Memory memory;
    Settings s = one_each();
    s.max_scale_up_rate = 3;
    const Decision up = decide(s, seen(20, 0, 0), memory, start);
    CHECK(up.desired == 3);
    CHECK(sentence(up) ==
          "stable: 20 in flight over 60 s want 20 pods at target 1, max-scale-up-rate allows 3 from the 1 "
          "ready");
    const Decision down = decide(s, seen(0, 0, 9), memory, start + seconds{2});
    CHECK(down.desired == 4);
    CHECK(
        sentence(down) ==
        "stable: 0 in flight over 60 s want 0 pods at target 1, max-scale-down-rate keeps 4 of the 9 ready");
}

TEST_CASE("a revision that no route leads to may shrink at once", "[decide]") {
    Memory memory;
    Settings s = one_each();
    s.scale_down_delay = seconds{300};
    Observed o = seen(5, 5, 9);
    decide(s, o, memory, start);
    o = seen(0, 0, 9);
    o.reachable = false;
    CHECK(decide(s, o, memory, start + seconds{2}).desired == 0);
}

TEST_CASE("the activation scale lifts any demand, and leaves zero alone", "[decide]") {
    Memory memory;
    Settings s = one_each();
    s.activation_scale = 3;
    const Decision d = decide(s, seen(0.2, 0.2, 1), memory, start);
    CHECK(d.desired == 3);
    CHECK(sentence(d) == "0.2 in flight over 60 s want 1 pod at target 1, activation-scale makes it 3");
    CHECK(decide(s, seen(0, 0, 1), memory, start).desired == 0);
}

TEST_CASE("the scale-down delay keeps the most of its slots, the current one included", "[decide]") {
    Memory memory;
    Settings s = one_each();
    s.scale_down_delay = seconds{5};  // three slots of two seconds
    CHECK(decide(s, seen(4, 4, 4), memory, start).desired == 4);
    const Decision d = decide(s, seen(2, 2, 4), memory, start + seconds{4});
    CHECK(d.desired == 4);
    CHECK(sentence(d) == "scale-down-delay: keeps 4 pods, wanted within the last 5 s");
    CHECK(decide(s, seen(2, 2, 4), memory, start + seconds{6}).desired == 2);
}

TEST_CASE("excess burst capacity counts what is truly ready", "[decide]") {
    Memory memory;
    Settings s = one_each();
    CHECK(decide(s, seen(0, 0.4, 0), memory, start).excess_burst_capacity == -212);
    s.target_burst_capacity = 0;
    CHECK(decide(s, seen(5, 5, 0), memory, start).excess_burst_capacity == 0);
    s.target_burst_capacity = -1;
    CHECK(decide(s, seen(5, 5, 0), memory, start).excess_burst_capacity == -1);
}

TEST_CASE("absurd averages stay numbers", "[decide]") {
    Memory memory;
    Settings s = one_each();
    s.target = 0.01;
    s.max_scale_up_rate = 1e12;
    CHECK(decide(s, seen(1e30, 1e30, 1), memory, start).desired == 1'000'000'000);
}

TEST_CASE("requests a second are called so", "[decide]") {
    Memory memory;
    Settings s = one_each();
    s.metric = Metric::rps;
    s.target = 50;
    CHECK(sentence(decide(s, seen(120.456, 90, 2), memory, start)) ==
          "stable: 120.46 requests a second over 60 s want 3 pods at target 50");
}

TEST_CASE("pods on their way count against panic only where that is asked for", "[decide]") {
    Settings s = one_each();
    Observed o = seen(5, 5, 1);
    o.starting_pods = 4;
    Memory knative, mended;
    CHECK(decide(s, o, knative, start).panic);
    s.panic_counts_starting = true;
    CHECK_FALSE(decide(s, o, mended, start).panic);
    CHECK(decide(s, o, mended, start).desired == 5);
}
