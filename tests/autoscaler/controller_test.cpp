// Rule and fleet together, as control uses them: what goes in is what a pool says, what comes out is what to
// do with pods.
#include <catch2/catch.hpp>

#include "autoscaler/controller.hpp"

using namespace autoscaler;
using namespace std::chrono_literals;

namespace {

using Kind = Command::Kind;

// A controller whose pods start and stop at once when told.
struct Desk {
    explicit Desk(Policy policy) {
        settings.policy = policy;
        settings.target = settings.total = 1;
        controller.emplace(
            settings, 1, "sd", [this] { return PodId{++last}; }, now, Start{});
    }

    // So many requests wait and run, for so long.
    void pass(Duration time, int waiting, int running) {
        for (const auto end = now + time; now < end; now += 125ms) {
            seen.waiting = waiting;
            seen.running = running;
            step();
            seen.demand_seconds += 0.125 * (waiting + running);
        }
    }
    void step() {
        const auto load = [&](PodId id) { return Load{busy && id == PodId{1} ? 1 : 0, 0}; };
        for (const auto& command : controller->step(seen, load, {}, now)) {
            commands.push_back(command.kind);
            if (command.kind == Kind::start) controller->fleet().started(command.pod, now);
            if (command.kind == Kind::stop) controller->fleet().stopped(command.pod, now);
        }
        while (const auto change = controller->take_change()) changes.push_back(*change);
    }
    void ready(std::uint64_t pod) {
        controller->fleet().passed(PodId{pod}, now);
        step();
    }

    TimePoint now{1h};
    Settings settings;
    Seen seen;
    bool busy = false;
    std::uint64_t last = 0;
    std::optional<Controller> controller;
    std::vector<Kind> commands;
    std::vector<std::string> changes;
};

}  // namespace

TEST_CASE("a break-even revision goes from nothing to a pod and back, each with its sentence",
          "[controller]") {
    Desk desk(Policy::break_even);
    desk.seen.arrivals = 1;
    desk.pass(20s, 1, 0);
    CHECK(desk.commands == std::vector{Kind::start});
    REQUIRE(desk.changes.size() == 1);
    CHECK(desk.changes[0].starts_with("1 pod wanted, were 0: pod 1 started: 1 waits"));

    desk.controller->cold_start_took(20s);
    desk.ready(1);
    desk.busy = true;
    desk.pass(10s, 0, 1);
    desk.busy = false;
    desk.seen.held_seconds = 10;
    desk.seen.served = 1;
    CHECK(desk.controller->wanted() == 1);
    desk.pass(64s, 0, 0);  // a cold start and what one is worth: 20 s + 45 s
    CHECK(desk.controller->wanted() == 1);
    CHECK(desk.controller->reason(desk.now).starts_with("keeping pod 1 for"));
    desk.pass(2s, 0, 0);
    CHECK(desk.controller->wanted() == 0);
    CHECK(desk.commands == std::vector{Kind::start, Kind::admit, Kind::drain, Kind::stop});
    REQUIRE(desk.changes.size() == 2);
    CHECK(desk.changes[1].starts_with("0 pods wanted, was 1: pod 1 ends: idle 65 s"));
}

TEST_CASE("a pod that has just become ready is not taken for one that the waiting request cannot have",
          "[controller]") {
    Desk desk(Policy::break_even);
    desk.pass(20s, 1, 0);
    desk.ready(1);  // the request still waits in this look
    CHECK(desk.commands == std::vector{Kind::start, Kind::admit});
}

TEST_CASE("service time is learnt from how long slots were held", "[controller]") {
    Desk desk(Policy::break_even);
    desk.seen.held_seconds = 2 * 30;
    desk.seen.served = 2;
    desk.step();
    CHECK(desk.controller->break_even().service_time() == Approx(10 + 0.1 * 20 + 0.1 * 18));
    desk.step();  // nothing new
    CHECK(desk.controller->break_even().service_time() == Approx(13.8));
}

TEST_CASE("a change of class keeps the pods and decides by the new rule at once", "[controller]") {
    Desk desk(Policy::kpa);
    desk.pass(10s, 3, 0);
    CHECK(desk.controller->wanted() == 3);
    desk.settings.policy = Policy::break_even;
    desk.controller->configure(desk.settings, 1, desk.now);
    desk.pass(1s, 3, 0);
    CHECK(desk.controller->wanted() == 3);
    CHECK(desk.commands == std::vector{Kind::start, Kind::start, Kind::start});
    desk.settings.policy = Policy::kpa;
    desk.controller->configure(desk.settings, 1, desk.now);
    desk.pass(4s, 3, 0);
    CHECK(desk.controller->wanted() == 3);
    CHECK(desk.controller->reason(desk.now).find("in flight") != std::string::npos);
}

TEST_CASE("a change of class before a second is over takes no pod away", "[controller]") {
    for (const auto wait : {0ms, 500ms, 1000ms}) {  // whichever second is under way
        Desk desk(Policy::break_even);
        desk.now += wait;
        desk.pass(125ms, 1, 0);
        desk.ready(1);
        desk.pass(125ms, 0, 1);
        desk.settings.policy = Policy::kpa;
        desk.controller->configure(desk.settings, 1, desk.now);
        desk.commands.clear();
        desk.pass(3s, 0, 0);
        CHECK(desk.commands.empty());
        CHECK(desk.controller->fleet().ready() == 1);
    }
}

TEST_CASE("a retired revision keeps no pod that nobody needs, whichever its class", "[controller]") {
    for (const auto policy : {Policy::kpa, Policy::break_even}) {
        Desk desk(policy);
        desk.pass(2s, 1, 0);
        desk.ready(1);
        desk.controller->retire();
        desk.pass(1s, 0, 0);
        CHECK(desk.controller->wanted() == 0);
        CHECK(desk.controller->fleet().pods().empty());
    }
}

TEST_CASE("no more pods start at once than max-starting allows", "[controller]") {
    Desk desk(Policy::kpa);
    desk.settings.max_starting = 2;
    desk.controller->configure(desk.settings, 1, desk.now);
    desk.pass(5s, 5, 0);
    CHECK(desk.controller->wanted() == 5);
    CHECK(desk.controller->fleet().starting() == 2);
}

TEST_CASE("a step is counted by its cause and direction, and the last one is kept with its sentence",
          "[controller]") {
    Desk desk(Policy::break_even);
    CHECK_FALSE(desk.controller->last_step());
    desk.seen.waiting = 1;
    desk.step();
    REQUIRE(desk.controller->last_step());
    const auto step = *desk.controller->last_step();
    CHECK((step.from == 0 && step.to == 1));
    CHECK(step.cause == Cause::waiting);
    CHECK(step.at == desk.now);
    CHECK(desk.changes.back().ends_with(step.sentence));
    desk.seen.waiting = 0;
    desk.step();
    CHECK(desk.controller->last_step()->cause == Cause::nobody_waits);
    CHECK(desk.controller->steps(Cause::waiting, true) == 1);
    CHECK(desk.controller->steps(Cause::nobody_waits, false) == 1);
    CHECK(desk.controller->steps(Cause::waiting, false) == 0);
}

TEST_CASE("an idle pod on its way out is kept for so long yet", "[controller]") {
    Desk desk(Policy::break_even);
    desk.seen.waiting = 1;
    desk.step();
    CHECK_FALSE(desk.controller->keeps_for(desk.now));
    desk.ready(1);
    desk.seen.waiting = 0;
    desk.step();
    const auto kept = desk.controller->keeps_for(desk.now);
    REQUIRE(kept);
    CHECK(*kept > 1);
    CHECK(*desk.controller->keeps_for(desk.now + 1s) == Approx(*kept - 1));
}

TEST_CASE("Knative's steps have Knative's causes", "[controller]") {
    Desk desk(Policy::kpa);
    desk.settings.max_scale = 2;
    desk.controller->configure(desk.settings, 1, desk.now);
    desk.pass(250ms, 1, 0);
    const auto& step = desk.controller->last_step();
    REQUIRE(step);
    CHECK(step->to == 1);
    CHECK((step->cause == Cause::panic || step->cause == Cause::stable));
    desk.pass(3s, 8, 0);
    CHECK(step->to == 2);
    CHECK(step->cause == Cause::ceiling);
    desk.ready(1);
    desk.ready(2);
    desk.pass(200s, 0, 0);
    CHECK(step->to == 0);
    CHECK(step->cause == Cause::zero);
    CHECK(desk.controller->steps(Cause::ceiling, true) == 1);
}

TEST_CASE("so many pods as a hand has set, whatever is asked, and the reason says so", "[controller]") {
    for (const auto policy : {Policy::kpa, Policy::break_even}) {
        Desk desk(policy);
        desk.settings.by_hand = 3;
        desk.controller->configure(desk.settings, 1, desk.now);
        desk.pass(10s, 0, 0);
        CHECK(desk.controller->fleet().alive() == 3);
        CHECK(desk.controller->reason(desk.now).find("pilotlight.dev/replicas wants 3 pods") !=
              std::string::npos);
        desk.pass(90s, 0, 0);
        CHECK(desk.controller->fleet().alive() == 3);
    }
}

TEST_CASE("a hand's zero holds against waiting requests, and without it the rule decides again",
          "[controller]") {
    Desk desk(Policy::break_even);
    desk.settings.by_hand = 0;
    desk.controller->configure(desk.settings, 1, desk.now);
    desk.pass(5s, 2, 0);
    CHECK(desk.controller->fleet().alive() == 0);
    desk.settings.by_hand.reset();
    desk.controller->configure(desk.settings, 1, desk.now);
    desk.pass(1s, 2, 0);
    CHECK(desk.controller->fleet().alive() > 0);
}
