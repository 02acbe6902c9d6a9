// Break-even scaling, formula by formula, and the sentences that explain it.
#include "autoscaler/break_even.hpp"

#include <algorithm>
#include <catch2/catch.hpp>

using namespace autoscaler;
using std::chrono::milliseconds;

namespace {

// A revision driven by hand: pods are numbered in order of creation.
struct Stand {
    Settings s;
    BreakEven rule;
    Sight sight;
    TimePoint now{};
    std::uint64_t last = 0;

    Stand() {
        s.policy = Policy::break_even;
        s.max_scale = 10;
    }
    void pods(int count, bool ready, int leases = 0) {
        for (int i = 0; i < count; ++i) sight.pods.push_back({PodId{++last}, ready, leases, now});
        sight.running += ready ? count * leases : 0;
    }
    void free_all() {
        for (auto& pod : sight.pods) pod.leases = 0;
        sight.running = 0;
    }
    Choice decide() { return rule.decide(s, sight, now); }
    void wait(double seconds_passed) {
        now += std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds_passed));
    }
    // Demand of one pod that goes for `gap` and comes back.
    void gap(double length) {
        sight.running = 1;
        decide();
        sight.running = 0;
        decide();
        wait(length);
        sight.running = 1;
        decide();
    }
};

double keep_of(const std::vector<double>& gaps, double restart) {
    Rung rung;
    for (const double gap : gaps) rung.add(gap);
    return rung.keep(restart).seconds;
}

}  // namespace

TEST_CASE("the first request starts a pod at once", "[break-even]") {
    Stand t;
    t.sight.waiting = 1;
    const auto choice = t.decide();
    CHECK(choice.pods == 1);
    CHECK(choice.started == 1);
    CHECK(choice.reason == "pod 1 started: 1 waits, 0 pods busy take 0 of them within 5 s");
}

TEST_CASE("a pod is started for each request that no pod on its way and no busy one takes soon",
          "[break-even]") {
    Stand t;
    t.pods(4, true, 1);
    t.pods(1, false);
    t.sight.waiting = 6;  // 4 busy x 5 s / 10 s = 2 are taken soon, 1 by the pod that starts
    const auto choice = t.decide();
    CHECK(choice.started == 3);
    CHECK(choice.reason == "pods 6 to 8 started: 6 wait, 4 pods busy take 2 of them within 5 s");
}

TEST_CASE("what the busy pods take soon is rounded half up", "[break-even]") {
    Stand t;
    t.pods(1, true, 1);  // 1 x 5 / 10 + 1/2 = 1
    t.sight.waiting = 1;
    CHECK(t.decide().started == 0);
    t.s.break_even.patience = milliseconds{4900};
    CHECK(t.decide().started == 1);
}

TEST_CASE("patience is no longer than half a cold start", "[break-even]") {
    Stand t;
    t.s.break_even.cold_start_guess = seconds{4};  // 2 s: 1 x 2 / 10 + 1/2 = 0
    t.pods(1, true, 1);
    t.sight.waiting = 1;
    CHECK(t.decide().started == 1);
}

TEST_CASE("cold starts are a mean that the first one begins, slots one that begins at ten seconds",
          "[break-even]") {
    Stand t;
    CHECK(t.rule.cold_start(t.s) == 30);
    t.rule.cold_start_took(seconds{60});
    CHECK(t.rule.cold_start(t.s) == 60);
    t.rule.cold_start_took(seconds{50});
    CHECK(t.rule.cold_start(t.s) == Approx(57));
    CHECK(t.rule.service_time() == 10);
    t.rule.slot_held(seconds{20});
    CHECK(t.rule.service_time() == Approx(11));
}

TEST_CASE("no more than max-scale", "[break-even]") {
    Stand t;
    t.s.max_scale = 3;
    t.pods(2, true, 1);
    t.sight.waiting = 50;
    CHECK(t.decide().pods == 3);
    t.pods(1, true, 1);
    CHECK(t.decide().pods == 3);
    CHECK(t.rule.standing(t.s, t.now) == "3 pods, max-scale is 3");
}

TEST_CASE("a starting pod that nobody waits for is cancelled", "[break-even]") {
    Stand t;
    t.pods(1, true, 1);
    t.pods(3, false);
    t.sight.waiting = 2;
    auto choice = t.decide();
    CHECK(choice.cancelled == 1);
    CHECK(choice.pods == 3);
    CHECK(choice.reason == "pod 4 cancelled while starting: fewer wait than start");
    t.sight.waiting = 0;
    choice = t.decide();
    CHECK(choice.cancelled == 3);
    CHECK(choice.reason == "pods 2 to 4 cancelled while starting: nobody waits any more");
}

TEST_CASE("where cancelling saves nothing, what starts goes on", "[break-even]") {
    Stand t;
    t.s.break_even.cancel = false;
    t.pods(2, false);
    CHECK(t.decide().pods == 2);
}

TEST_CASE("the fewest are started at once and not cancelled", "[break-even]") {
    Stand t;
    t.s.min_scale = 2;
    CHECK(t.decide().reason == "pods 1 to 2 started: 2 pods are the fewest");
    t.pods(2, false);
    CHECK(t.decide().pods == 2);
    t.sight.pods[0].ready = t.sight.pods[1].ready = true;
    t.decide();
    t.wait(1e6);
    const auto choice = t.decide();
    CHECK(choice.leaving.empty());
    CHECK(t.rule.standing(t.s, t.now) == "keeping 2 pods: 2 are the fewest");
}

TEST_CASE("a revision that no route leads to has no minimum", "[break-even]") {
    Stand t;
    t.s.min_scale = 2;
    t.sight.reachable = false;
    CHECK(t.decide().pods == 0);
}

TEST_CASE("the initial scale is wanted until it was reached, the activation scale while there is demand",
          "[break-even]") {
    Stand t;
    t.s.initial_scale = 3;
    BreakEven fresh(true);
    CHECK(fresh.decide(t.s, t.sight, t.now).pods == 3);
    t.pods(3, true);
    fresh.decide(t.s, t.sight, t.now);
    t.sight.pods.clear();
    CHECK(fresh.decide(t.s, t.sight, t.now).pods == 0);
    t.s.activation_scale = 4;
    t.sight.waiting = 1;
    CHECK(fresh.decide(t.s, t.sight, t.now).pods == 4);
}

TEST_CASE("a spare pod is kept ready while there is demand", "[break-even]") {
    Stand t;
    t.s.break_even.spare = 1;
    t.s.break_even.patience = seconds{4};  // else the busy pod counts as free soon
    CHECK(t.decide().pods == 0);
    t.pods(1, true, 1);
    auto choice = t.decide();
    CHECK(choice.pods == 2);
    CHECK(choice.reason == "pod 2 started: spare is 1");
    t.pods(1, false);
    choice = t.decide();
    CHECK(choice.started == 0);
    CHECK(choice.cancelled == 0);
    t.sight.pods[1].ready = true;
    t.decide();
    t.wait(1e6);
    CHECK(t.decide().leaving.empty());
}

TEST_CASE("unknown gaps keep an idle pod for what a restart is worth", "[break-even]") {
    Stand t;
    t.pods(1, true);
    auto choice = t.decide();
    CHECK(choice.due == t.now + seconds{75});
    CHECK(t.rule.standing(t.s, t.now + seconds{5}) ==
          "keeping pod 1 for 70 s more: too few gaps are known yet (0), so as long as a restart is worth; a "
          "cold start "
          "costs 30 s + 45 s");
    t.wait(74.9);
    CHECK(t.decide().leaving.empty());
    t.wait(0.1);
    choice = t.decide();
    CHECK(choice.leaving == std::vector<PodId>{PodId{1}});
    CHECK(choice.pods == 0);
    CHECK(choice.reason == "pod 1 ends: idle 75 s, as long as a restart is worth: 30 s + 45 s");
}

TEST_CASE("the longest idle pod ends, never a busy one", "[break-even]") {
    Stand t;
    t.pods(1, true);
    t.decide();
    t.wait(10);
    t.pods(1, true);
    t.pods(1, true, 1);
    t.decide();
    t.wait(65);
    CHECK(t.decide().leaving == std::vector<PodId>{PodId{1}});
}

TEST_CASE("work ends a rest", "[break-even]") {
    Stand t;
    t.pods(1, true);
    t.decide();
    t.wait(70);
    t.sight.pods[0].leases = t.sight.running = 1;
    t.decide();
    t.free_all();
    CHECK(t.decide().due == t.now + seconds{75});
}

TEST_CASE("work between two looks ends a rest, too", "[break-even]") {
    Stand t;
    t.pods(1, true);
    t.decide();
    t.wait(70);
    t.sight.pods[0].uses = 2;  // a slot was given and came back
    CHECK(t.decide().due == t.now + seconds{75});
}

TEST_CASE("a request that came and went between two looks ends a gap and begins another", "[break-even]") {
    Stand t;
    t.gap(1);
    for (int i = 0; i < 12; ++i) {
        t.sight.running = 0;
        t.sight.came = true;
        t.decide();
        t.sight.came = false;
        t.wait(20);
        t.decide();
    }
    const auto keep = t.rule.keep(t.s, 1);
    CHECK(keep.learnt);
    CHECK(keep.cheapest == 20);
}

TEST_CASE("the cheapest keep is nothing when every gap is longer than a restart", "[break-even]") {
    CHECK(cheapest_keep(std::vector<double>(20, 100.0), 75) == 0);
}

TEST_CASE("the cheapest keep spans the gaps that are worth it", "[break-even]") {
    std::vector<double> gaps(10, 20.0);
    gaps.insert(gaps.end(), 5, 60.0);
    // 0: 15 x 75 = 1125; 20: 10 x 20 + 5 x 95 = 675; 60: 10 x 20 + 5 x 60 = 500
    CHECK(cheapest_keep(gaps, 75) == 60);
    gaps.insert(gaps.end(), 5, 500.0);
    // 20: 200 + 10 x 95 = 1150; 60: 500 + 5 x 135 = 1175
    CHECK(cheapest_keep(gaps, 75) == 20);
}

TEST_CASE("the cheapest keep is the cheapest of all, tried one by one", "[break-even]") {
    std::uint64_t random = 7;
    const auto next = [&] {
        return static_cast<double>((random = random * 6364136223846793005u + 1442695040888963407u) >> 40);
    };
    for (int round = 0; round < 200; ++round) {
        std::vector<double> gaps;
        for (int i = 0; i < 64; ++i) gaps.push_back(std::floor(next() / 1e5));
        std::ranges::sort(gaps);
        const double restart = 20 + next() / 2e5;
        const auto cost = [&](double keep) {
            double sum = 0;
            for (const double gap : gaps) sum += gap <= keep ? gap : keep + restart;
            return sum;
        };
        double least = cost(0);
        for (const double gap : gaps)
            if (gap <= restart) least = std::min(least, cost(gap));
        CHECK(cost(cheapest_keep(gaps, restart)) == Approx(least));
    }
}

TEST_CASE("ten gaps are enough to learn from, a tenth and a second more is kept, and no more than a restart",
          "[break-even]") {
    CHECK(keep_of(std::vector<double>(9, 20.0), 75) == 75);
    CHECK(keep_of(std::vector<double>(10, 20.0), 75) == Approx(23));
    CHECK(keep_of(std::vector<double>(10, 74.0), 75) == 75);
    CHECK(keep_of(std::vector<double>(10, 80.0), 75) == 0);
}

TEST_CASE("the last 64 gaps count", "[break-even]") {
    std::vector<double> gaps(64, 20.0);
    gaps.insert(gaps.end(), 64, 300.0);
    CHECK(keep_of(gaps, 75) == 0);
}

TEST_CASE("a keep is found anew when a restart costs five percent more or less", "[break-even]") {
    Rung rung;
    for (int i = 0; i < 20; ++i) rung.add(70);
    CHECK(rung.keep(75).cheapest == 70);
    CHECK(rung.keep(72).cheapest == 70);
    CHECK(rung.keep(69).cheapest == 0);
}

TEST_CASE("a rung learns from the times that demand stayed below it", "[break-even]") {
    Stand t;
    for (int i = 0; i < 12; ++i) t.gap(20);
    CHECK(t.rule.keep(t.s, 1).seconds == Approx(23));
    CHECK(t.rule.keep(t.s, 1).gaps == 12);
    CHECK(t.rule.keep(t.s, 2).gaps == 0);
    t.sight.running = 0;
    t.pods(1, true);
    t.decide();
    CHECK(t.rule.standing(t.s, t.now) ==
          "keeping pod 1 for 23 s more: its last 12 gaps make 20 s the cheapest; a cold start costs 30 s + "
          "45 s");
    t.wait(30);
    CHECK(t.decide().reason ==
          "pod 1 ends: idle 30 s; of the last 12 gaps at pod 1 0 were longer, a restart costs 30 s + 45 s");
}

TEST_CASE("retention is a floor for the last pod, the scale-down delay for every one", "[break-even]") {
    Stand t;
    for (int i = 0; i < 12; ++i) t.gap(200);
    CHECK(t.rule.keep(t.s, 1).seconds == 0);
    t.s.scale_to_zero_pod_retention_period = seconds{120};
    CHECK(t.rule.keep(t.s, 1).seconds == 120);
    CHECK(t.rule.keep(t.s, 2).seconds == 75);
    t.s.scale_down_delay = seconds{300};
    CHECK(t.rule.keep(t.s, 1).seconds == 300);
    CHECK(t.rule.keep(t.s, 2).seconds == 300);
}

TEST_CASE("a start that takes three times as long as it should is replaced, the next one later",
          "[break-even]") {
    Stand t;
    t.pods(1, false);
    t.sight.waiting = 1;
    t.wait(90);
    CHECK(t.decide().started == 0);
    t.wait(0.1);
    CHECK(t.decide().started == 1);
    t.pods(1, false);
    t.wait(120);
    CHECK(t.decide().started == 0);
    CHECK(t.rule.standing(t.s, t.now) ==
          "2 pods start, about 30 s each; 1 of them should have been ready long ago");
    t.wait(61);
    CHECK(t.decide().started == 1);
    t.sight.waiting = 0;
    CHECK(t.decide().pods == 0);
}

TEST_CASE("several slots a pod are reckoned in pods", "[break-even]") {
    Stand t;
    t.sight.slots = 4;
    t.sight.waiting = 9;
    CHECK(t.decide().pods == 3);
    t.pods(2, false);
    CHECK(t.decide().started == 1);
    t.sight.slots = 0;
    t.sight.pods.clear();
    CHECK(t.decide().pods == 1);
    t.pods(1, false);
    CHECK(t.decide().started == 0);
    CHECK(t.decide().cancelled == 0);
}

TEST_CASE("what was learnt is not forgotten over a restart", "[break-even]") {
    Stand t;
    for (int i = 0; i < 12; ++i) t.gap(20);
    t.rule.cold_start_took(seconds{52});
    t.rule.slot_held(seconds{20});
    BreakEven other;
    REQUIRE(other.restore(t.rule.learnt()));
    CHECK(other.learnt() == t.rule.learnt());
    CHECK(other.cold_start(t.s) == 52);
    CHECK(other.service_time() == Approx(11));
    CHECK(other.keep(t.s, 1) == t.rule.keep(t.s, 1));
}

TEST_CASE("what is no memory of ours is refused and changes nothing", "[break-even]") {
    BreakEven rule;
    const auto before = rule.learnt();
    for (const auto* text :
         {"", "break-even 2\nheld 1\n", "break-even 1\ncold -1\n", "break-even 1\ncold nan\n",
          "break-even 1\nheld 1 2\n", "break-even 1\ngaps 1 x\n", "break-even 1\nodd 1\n"})
        CHECK_FALSE(rule.restore(text));
    CHECK(rule.learnt() == before);
}

TEST_CASE("an absurd queue asks for no absurd number of rungs", "[break-even]") {
    Stand t;
    t.s.max_scale = 0;
    t.sight.waiting = 2'000'000'000;
    CHECK(t.decide().pods == 2'000'000'000);
    t.sight.waiting = 0;
    t.decide();
    t.sight.waiting = 2'000'000'000;
    t.wait(1);
    t.decide();
    CHECK(t.rule.keep(t.s, 1000).gaps == 1);
    CHECK(t.rule.keep(t.s, 1001).gaps == 0);
}
