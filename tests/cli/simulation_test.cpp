// Virtual time through the real pool, autoscaler and fleet: small traces whose cost can be reckoned by hand.
#include <catch2/catch.hpp>

#include "cli/moment.hpp"
#include "cli/simulation.hpp"

using namespace cli;
using namespace std::chrono_literals;

namespace {

Scenario scenario(std::vector<TraceRequest> trace, autoscaler::Policy policy, double cold_start = 30) {
    Scenario s;
    s.trace = std::move(trace);
    s.cold_start = cold_start;
    s.scaling.policy = policy;
    s.scaling.target = 0.7;
    s.scaling.total = 1;
    s.pool.container_concurrency = 1;
    return s;
}

Scenario ours(std::vector<TraceRequest> trace, double cold_start = 30) {
    return scenario(std::move(trace), autoscaler::Policy::break_even, cold_start);
}

}  // namespace

TEST_CASE("one request costs a cold start, its service and the keep of the pod", "[simulation]") {
    const auto o = run(ours({{0, 10}}));
    CHECK(o.requests == 1);
    CHECK(o.refused == 0);
    CHECK(o.cold_starts == 1);
    CHECK(o.starting == Approx(30));
    CHECK(o.busy == Approx(10));
    CHECK(o.idle == Approx(75));  // no gap is known yet: a cold start and what one is worth, 30 + 45
    CHECK(o.waits == std::vector<double>{30});
    CHECK(o.wait_99 == 30);
    CHECK(o.peak_pods == 1);
    CHECK(o.span == Approx(40));
}

TEST_CASE("a second request within the keep finds the pod warm", "[simulation]") {
    const auto o = run(ours({{0, 10}, {100, 5}}));
    CHECK(o.cold_starts == 1);
    CHECK(o.waits == std::vector<double>{30, 0});
}

TEST_CASE("a pod that nobody waits for any more is cancelled and paid until then", "[simulation]") {
    // Three start, for no pod is busy yet. The first is ready at 30 and free again at 34, for the second
    // request; one of the two on their way is enough for the third then.
    const auto o = run(ours({{0, 4}, {6, 4}, {7, 4}}));
    CHECK(o.cold_starts == 3);
    CHECK(o.cancelled == 1);
    CHECK(o.starting == Approx(30 + 30 + (34 - 7)));
    CHECK(o.waits == std::vector<double>{30, 28, 29});
    CHECK(o.busy == Approx(12));
}

TEST_CASE("Knative's rule starts two pods for one request and keeps them for a window", "[simulation]") {
    const auto o = run(scenario({{0, 10}}, autoscaler::Policy::kpa));
    CHECK(o.cold_starts == 2);
    CHECK(o.peak_pods == 2);
    CHECK(o.idle > 2 * 50);
    CHECK(o.waits == std::vector<double>{30});
}

TEST_CASE("a maximum of pods holds", "[simulation]") {
    auto s = ours({{0, 10}, {0, 10}, {0, 10}});
    s.scaling.max_scale = 1;
    const auto o = run(s);
    CHECK(o.peak_pods == 1);
    CHECK(o.wait_most == Approx(50));
}

TEST_CASE("a fixed keep is kept whatever was learnt", "[simulation]") {
    auto s = ours({{0, 10}, {100, 10}});
    s.scaling.break_even.fixed_keep = 60s;
    const auto o = run(s);
    CHECK(o.cold_starts == 1);  // idle from 40 to 100
    CHECK(o.idle == Approx(120));
}

TEST_CASE("who waits for too long is refused, and the run goes on", "[simulation]") {
    auto s = ours({{0, 100}, {1, 1}, {300, 1}}, 1);
    s.scaling.max_scale = 1;
    s.pool.queue_timeout = 10s;
    const auto o = run(s);
    CHECK(o.refused == 1);
    CHECK(o.waits[1] < 0);
    CHECK(o.waits[2] >= 0);
}

TEST_CASE("a pod that is always kept counts to the last completion", "[simulation]") {
    for (const auto policy : {autoscaler::Policy::break_even, autoscaler::Policy::kpa}) {
        auto s = scenario({{0, 10}, {1000, 10}}, policy);
        s.scaling.min_scale = s.scaling.max_scale = 1;
        const auto o = run(s);
        CHECK(o.cold_starts == 1);
        CHECK(o.gpu_seconds() == Approx(1010));
    }
}

TEST_CASE("the bounds: a gap costs a pod that sleeps through it or a cold start", "[simulation]") {
    const std::vector<TraceRequest> trace{{0, 10}, {5, 10}, {35, 10}, {200, 10}};
    const auto b = bounds(trace, 30);
    CHECK(b.service == 40 + 30);
    // Rung 1 begins, sleeps from 15 to 35 and is started anew at 200; rung 2 begins at 5.
    CHECK(b.clairvoyant == 40 + (30 + 20 + 30) + 30);
    CHECK(bounds({}, 30).service == 0);
}

TEST_CASE("the course tells requests and pods at each moment", "[simulation]") {
    auto s = ours({{0, 10}});
    s.keep_course = true;
    const auto o = run(s);
    REQUIRE(o.course.size() >= 3);
    CHECK(o.course.front().waiting == 1);
    CHECK(o.course.front().starting == 1);
    CHECK(o.course.back().ready + o.course.back().starting == 0);
}

TEST_CASE("warm hours go by the moment at which the trace began", "[simulation]") {
    for (const auto policy : {autoscaler::Policy::kpa, autoscaler::Policy::break_even}) {
        // Monday 07:50: who comes at 07:50 and 09:00 meets a cold start, who comes at 08:30 a warm pod.
        auto s = scenario({{0, 1}, {2400, 1}, {4200, 1}}, policy);
        s.scaling.target = 1;
        s.scaling.warm_hours = {
            std::get<autoscaler::WarmWindow>(autoscaler::parse_warm_window("Mon 08:00-08:45 1"))};
        s.begins = parse_moment("2026-01-05T07:50:00+01:00");
        const auto o = run(s);
        CHECK(o.waits == std::vector<double>{30, 0, 30});
        CHECK(o.cold_starts == 3);
        s.begins = parse_moment("2026-01-06T07:50:00+01:00");  // Tuesday
        CHECK(run(s).waits == std::vector<double>{30, 30, 30});
    }
}

TEST_CASE("a moment is read with its distance from UTC", "[simulation]") {
    CHECK(parse_moment("1970-01-01T00:00:00Z") == autoscaler::LocalTime{0, 0});
    CHECK(parse_moment("2026-01-05T01:30:10+01:30") == autoscaler::LocalTime{1'767'571'210, 5400});
    CHECK(parse_moment("2026-01-04T20:00:00-04:00") == autoscaler::LocalTime{1'767'571'200, -14'400});
    for (const auto* wrong : {"", "2026-01-05", "2026-01-05T00:00:00", "2026-02-29T00:00:00Z",
                              "2026-01-05 00:00:00Z", "2026-01-05T24:00:00Z", "2026-01-05T00:00:00+0100",
                              "2026-01-05T00:00:00Zulu", "2O26-01-05T00:00:00Z"})
        CHECK_FALSE(parse_moment(wrong));
}
