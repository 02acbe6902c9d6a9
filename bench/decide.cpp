// How long the autoscaler thinks: one decision of each class with its windows and gaps full, and a step of
// ten thousand revisions that nobody uses. One line of JSON; bench/autoscaler judges it.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <vector>

#include "autoscaler/controller.hpp"

namespace {

using namespace autoscaler;
using namespace std::chrono_literals;
using Steady = std::chrono::steady_clock;

constexpr int pods_there = 8;
const TimePoint begin{1h};

// The fastest of several rounds: what else the machine does is not what we ask.
template <class Work>
double nanoseconds_each(int times, Work work) {
    double best = 1e18;
    for (int round = 0; round < 200; ++round) {
        const auto from = Steady::now();
        for (int i = 0; i < times; ++i) work(i);
        const std::chrono::duration<double, std::nano> took = Steady::now() - from;
        best = std::min(best, took.count() / times);
    }
    return best;
}

Settings settings_of(Policy policy) {
    Settings s;
    s.policy = policy;
    s.target = 0.7;
    s.total = 1;
    s.max_scale = 100;
    return s;
}

double kpa() {
    auto s = settings_of(Policy::kpa);
    s.scale_down_delay = seconds{30};
    Revision revision(s, begin, {Start::How::steady, pods_there, pods_there});
    auto now = begin;
    return nanoseconds_each(500, [&](int i) {
        now += 1s;
        revision.record(second_of(now), 5 + i % 7, 1);
        revision.evaluate(pods_there, now, 1);
        revision.reconcile(pods_there, now);
    });
}

double break_even() {
    const auto s = settings_of(Policy::break_even);
    BreakEven rule;
    Sight sight;
    for (int i = 0; i < pods_there; ++i) sight.pods.push_back({PodId(i + 1), true, i < 5 ? 1 : 0, begin});
    auto now = begin;
    return nanoseconds_each(20'000,
                            [&](int i) {  // demand moves each time: every decision closes a gap or opens one
                                now += 1s;
                                sight.running = 5 + i % 7 % 3;
                                sight.waiting = i % 2;
                                for (auto& pod : sight.pods) ++pod.uses;  // none rests for long enough to end
                                rule.decide(s, sight, now);
                            });
}

double idle_step(Policy policy, int revisions) {
    std::vector<std::unique_ptr<Controller>> all;
    std::uint64_t last = 0;
    for (int i = 0; i < revisions; ++i)
        all.push_back(std::make_unique<Controller>(
            settings_of(policy), 1, "pod", [&] { return PodId{++last}; }, begin, Start{}));
    auto now = begin;
    const auto load = [](PodId) { return Load{}; };
    return nanoseconds_each(20,
                            [&](int) {
                                now += 100ms;
                                for (auto& each : all) each->step({}, load, {}, now);
                            }) /
           revisions;
}

}  // namespace

int main() {
    constexpr int revisions = 10'000;
    std::printf(
        "{\"kpa_ns\": %.0f, \"break_even_ns\": %.0f, \"idle_revisions\": %d, \"idle_kpa_ns\": %.0f, "
        "\"idle_break_even_ns\": %.0f}\n",
        kpa(), break_even(), revisions, idle_step(Policy::kpa, revisions),
        idle_step(Policy::break_even, revisions));
}
