#include "pods/probe_state.hpp"

#include <catch2/catch.hpp>

using namespace pods;
using namespace std::chrono_literals;
using Kind = ProbeKind;
using Change = ProbeChange;

namespace {

const TimePoint start{};

Probe probe(std::chrono::seconds period = 10s) {
    Probe made;
    made.action = TcpSocketAction{};
    made.period = period;
    return made;
}

Container with(std::optional<Probe> readiness, std::optional<Probe> liveness = {},
               std::optional<Probe> startup = {}) {
    Container container;
    container.readiness = std::move(readiness);
    container.liveness = std::move(liveness);
    container.startup = std::move(startup);
    return container;
}

// Runs each probe the moment it is due, in no time, with the answers of a pod that works from `good_from` to
// `bad_from`.
struct Run {
    ProbeState state;
    TimePoint now = start;
    int attempts = 0;

    explicit Run(const Container& container) : state(container, start) {}

    Change once(Kind kind, bool passes) {
        REQUIRE(state.due(kind));
        now = std::max(now, *state.due(kind));
        state.begin(kind, now);
        ++attempts;
        return state.end(kind, passes, now);
    }
    // Up to the first change, or until `limit`.
    Change until(Kind kind, bool passes, Duration limit) {
        while (state.due(kind) && *state.due(kind) <= start + limit) {
            if (const auto change = once(kind, passes); change != Change::none) return change;
        }
        return Change::none;
    }
    Duration elapsed() const { return now - start; }
};

Run ready_run(const Container& container) {
    Run run(container);
    REQUIRE(run.until(Kind::readiness, true, 1h) == Change::ready);
    return run;
}

}  // namespace

TEST_CASE("without a readiness probe the pod's port is connected to", "[probe]") {
    const ProbeState state(Container{}, start);
    REQUIRE(state.probe(Kind::readiness));
    CHECK(std::holds_alternative<TcpSocketAction>(state.probe(Kind::readiness)->action));
    CHECK_FALSE(state.probe(Kind::liveness));
    CHECK_FALSE(state.due(Kind::liveness));
    CHECK_FALSE(state.due(Kind::startup));
}

TEST_CASE("before its first success a pod is looked at every few milliseconds", "[probe]") {
    Run tcp(with(probe()));
    tcp.once(Kind::readiness, false);
    CHECK(*tcp.state.due(Kind::readiness) == start + eager_tcp_interval);

    auto http = probe();
    http.action = HttpGetAction{};
    Run over_http(with(http));
    over_http.once(Kind::readiness, false);
    CHECK(*over_http.state.due(Kind::readiness) == start + eager_http_interval);

    auto exec = probe(3s);
    exec.action = ExecAction{{"true"}};
    Run by_exec(with(exec));
    by_exec.once(Kind::readiness, false);
    CHECK(*by_exec.state.due(Kind::readiness) == start + 3s);
}

TEST_CASE("a pod that nobody can be waiting for any more is looked at patiently", "[probe]") {
    Run run(with(probe()));
    CHECK(run.until(Kind::readiness, false, eager_for + 1s) == Change::none);
    const auto next = *run.state.due(Kind::readiness);
    run.once(Kind::readiness, false);
    CHECK(*run.state.due(Kind::readiness) == next + patient_interval);
}

TEST_CASE("after the first success the period is the manifest's", "[probe]") {
    auto run = ready_run(with(probe(7s)));
    CHECK(*run.state.due(Kind::readiness) == run.now + 7s);
    CHECK(run.once(Kind::readiness, true) == Change::none);
    CHECK(*run.state.due(Kind::readiness) == run.now + 7s);
}

TEST_CASE("a slow probe delays the next, and never runs twice at once", "[probe]") {
    auto run = ready_run(with(probe(1s)));
    const auto due = *run.state.due(Kind::readiness);
    run.state.begin(Kind::readiness, due);
    CHECK_FALSE(run.state.due(Kind::readiness));
    run.state.end(Kind::readiness, true, due + 5s);
    CHECK(*run.state.due(Kind::readiness) == due + 5s);
}

TEST_CASE("a success within the initial delay makes ready", "[probe]") {
    auto slow = probe();
    slow.initial_delay = 60s;
    Run run(with(slow));
    CHECK(*run.state.due(Kind::readiness) == start);
    CHECK(run.until(Kind::readiness, false, 2s) == Change::none);
    CHECK(run.once(Kind::readiness, true) == Change::ready);
    CHECK(run.elapsed() <= 2s + eager_tcp_interval);
}

TEST_CASE("failures within the initial delay do not count", "[probe]") {
    auto slow = probe(10s);
    slow.initial_delay = 60s;
    slow.failure_threshold = 3;
    auto run = ready_run(with(slow));
    CHECK(run.until(Kind::readiness, false, 1h) == Change::unready);
    CHECK(run.elapsed() == 80s);  // at 60, 70 and 80 s
}

TEST_CASE("readiness needs its threshold of successes in a row, a period apart", "[probe]") {
    auto thrice = probe(10s);
    thrice.success_threshold = 3;
    Run run(with(thrice));
    CHECK(run.once(Kind::readiness, true) == Change::none);
    CHECK(run.once(Kind::readiness, true) == Change::none);
    CHECK(run.once(Kind::readiness, false) == Change::none);
    CHECK(run.once(Kind::readiness, true) == Change::none);
    CHECK(run.once(Kind::readiness, true) == Change::none);
    CHECK(run.once(Kind::readiness, true) == Change::ready);
    CHECK(run.elapsed() == 50s);
}

TEST_CASE("readiness is lost after the threshold of failures in a row", "[probe]") {
    auto run = ready_run(with(probe()));
    for (const bool passes : {false, false, true, false, false})
        CHECK(run.once(Kind::readiness, passes) == Change::none);
    CHECK(run.state.is_ready());
    CHECK(run.once(Kind::readiness, false) == Change::unready);
    CHECK_FALSE(run.state.is_ready());
}

TEST_CASE("an unready pod is probed at the manifest's period and may become ready again", "[probe]") {
    auto run = ready_run(with(probe(10s)));
    REQUIRE(run.until(Kind::readiness, false, 1h) == Change::unready);
    CHECK(*run.state.due(Kind::readiness) == run.now + 10s);
    CHECK(run.once(Kind::readiness, false) == Change::none);  // said once
    CHECK(*run.state.due(Kind::readiness) == run.now + 10s);
    CHECK(run.once(Kind::readiness, true) == Change::ready);
}

TEST_CASE("liveness begins after its delay and ends the pod after its threshold", "[probe]") {
    auto live = probe(5s);
    live.initial_delay = 20s;
    live.failure_threshold = 3;
    Run run(with(probe(), live));
    CHECK(*run.state.due(Kind::liveness) == start + 20s);
    CHECK(run.until(Kind::liveness, false, 1h) == Change::unhealthy);
    CHECK(run.elapsed() == 30s);
    CHECK(run.attempts == 3);  // never more often than asked
    for (const auto kind : all_probe_kinds) CHECK_FALSE(run.state.due(kind));
}

TEST_CASE("a live probe that passes now and then keeps the pod", "[probe]") {
    auto live = probe(5s);
    live.failure_threshold = 2;
    Run run(with(probe(), live));
    for (int i = 0; i < 10; ++i) CHECK(run.once(Kind::liveness, i % 2 == 0) == Change::none);
    CHECK(run.once(Kind::liveness, false) == Change::unhealthy);
}

TEST_CASE("until the startup probe has passed no other runs", "[probe]") {
    auto live = probe(5s);
    live.initial_delay = 1s;
    Run run(with(probe(), live, probe()));
    CHECK_FALSE(run.state.due(Kind::readiness));
    CHECK_FALSE(run.state.due(Kind::liveness));
    CHECK(run.until(Kind::startup, false, 9s) == Change::none);
    CHECK(run.once(Kind::startup, true) == Change::none);
    CHECK_FALSE(run.state.due(Kind::startup));
    CHECK(*run.state.due(Kind::readiness) == run.now);
    CHECK(*run.state.due(Kind::liveness) == run.now);  // its delay is over
    CHECK(run.once(Kind::readiness, false) == Change::none);
    CHECK(*run.state.due(Kind::readiness) == run.now + eager_tcp_interval);
    CHECK(run.once(Kind::readiness, true) == Change::ready);
}

TEST_CASE("an early startup leaves liveness its delay", "[probe]") {
    auto live = probe(5s);
    live.initial_delay = 30s;
    Run run(with(probe(), live, probe()));
    run.once(Kind::startup, true);
    CHECK(*run.state.due(Kind::liveness) == start + 30s);
}

TEST_CASE("a startup probe gives the pod the time that its author meant", "[probe]") {
    auto startup = probe(10s);
    startup.initial_delay = 5s;
    startup.failure_threshold = 30;
    Run run(with(probe(), {}, startup));
    CHECK(run.until(Kind::startup, false, 1h) == Change::unhealthy);
    CHECK(run.elapsed() >= 295s);  // 5 s, and thirty looks ten seconds apart
    CHECK(run.elapsed() < 296s);
    CHECK(run.attempts > 20'000);  // all the while it was looked at every few milliseconds
}

TEST_CASE("a recheck asks at once and a single failure speaks", "[probe]") {
    auto run = ready_run(with(probe(10s)));
    run.now += 1s;
    run.state.recheck(run.now);
    CHECK_FALSE(run.state.is_ready());
    CHECK(*run.state.due(Kind::readiness) == run.now);
    CHECK(run.once(Kind::readiness, false) == Change::unready);
    CHECK(*run.state.due(Kind::readiness) == run.now + 10s);
    CHECK(run.once(Kind::readiness, true) == Change::ready);
}

TEST_CASE("a recheck that passes says ready again", "[probe]") {
    auto run = ready_run(with(probe()));
    run.state.recheck(run.now);
    CHECK(run.once(Kind::readiness, true) == Change::ready);
    CHECK(run.once(Kind::readiness, true) == Change::none);
}

TEST_CASE("a probe that ran before the recheck is not asked", "[probe]") {
    auto run = ready_run(with(probe()));
    const auto due = *run.state.due(Kind::readiness);
    run.state.begin(Kind::readiness, due);
    run.state.recheck(due + 10ms);
    CHECK_FALSE(run.state.due(Kind::readiness));
    CHECK(run.state.end(Kind::readiness, true, due + 20ms) == Change::none);
    CHECK_FALSE(run.state.is_ready());
    CHECK(*run.state.due(Kind::readiness) == due + 10ms);
    run.now = due + 20ms;
    CHECK(run.once(Kind::readiness, true) == Change::ready);
}

TEST_CASE("a recheck before the first readiness changes nothing", "[probe]") {
    Run run(with(probe()));
    run.once(Kind::readiness, false);
    run.state.recheck(run.now);
    CHECK(*run.state.due(Kind::readiness) == start + eager_tcp_interval);
    CHECK(run.once(Kind::readiness, false) == Change::none);
}

TEST_CASE("a recheck within the initial delay speaks too", "[probe]") {
    auto slow = probe();
    slow.initial_delay = 60s;
    auto run = ready_run(with(slow));
    run.state.recheck(run.now);
    CHECK(run.once(Kind::readiness, false) == Change::unready);
}

TEST_CASE("fields that cannot be are Kubernetes' defaults", "[probe]") {
    auto odd = probe(0s);
    odd.timeout = 0s;
    odd.success_threshold = 0;
    odd.failure_threshold = 0;
    odd.initial_delay = -5s;
    const ProbeState state(with(odd), start);
    const auto& used = *state.probe(Kind::readiness);
    CHECK(used.period == 10s);
    CHECK(used.timeout == 1s);
    CHECK(used.success_threshold == 1);
    CHECK(used.failure_threshold == 1);
    CHECK(used.initial_delay == 0s);
}
