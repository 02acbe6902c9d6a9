// Revision and fleet together, as the control loop joins them: what Knative would do becomes what happens to
// pods.
#include <catch2/catch.hpp>
#include <map>

#include "autoscaler/fleet.hpp"
#include "autoscaler/revision.hpp"

#include "tests/autoscaler/usual.hpp"

using namespace autoscaler;
using namespace autoscaler::test;

namespace {

// Pods that are ready a fixed time after their start, and gone a second after their stop.
class Loop {
public:
    Loop(const Settings& s, Second cold_start)
        : cold_start_(cold_start), revision(s, at(0), {}), limit_(s.max_scale) {}

    // One second: the pods that are due answer, then `demand` requests are in flight all the while.
    void second(Second t, double demand, int leases_each) {
        for (auto [when, id] : answers_)
            if (when == t) gone_.contains(id) ? fleet.stopped(id, at(t)) : fleet.passed(id, at(t));
        if (demand > 0 || fleet.alive() > 0) revision.record(t, demand, 0);
        if (t % 2 == 0 || revision.wants_poke(demand)) revision.evaluate(fleet.ready(), at(t));
        const Plan plan{revision.reconcile(fleet.ready(), at(t)).replicas, limit_, Plan::unbounded};
        for (const Command& c : fleet.step(
                 plan,
                 [&](PodId) {
                     return Load{leases_each, 0};
                 },
                 at(t)))
            execute(c, t);
    }

private:
    void execute(const Command& c, Second t) {
        if (c.kind == Command::Kind::start) {
            fleet.started(c.pod, at(t));
            answers_.emplace(t + cold_start_, c.pod);
        } else if (c.kind == Command::Kind::stop) {
            gone_[c.pod] = true;
            answers_.emplace(t + 1, c.pod);
        }
    }

    Second cold_start_;
    std::uint64_t last_id_ = 0;
    std::multimap<Second, PodId> answers_;
    std::map<PodId, bool> gone_;

public:
    Revision revision;
    Fleet fleet{"knative-sd-demo-00001-deployment", [this] { return PodId{++last_id_}; }};

private:
    int limit_;
};

Settings demo() {
    Settings s;
    s.target = s.total = 1;
    s.max_scale = 10;
    return s;
}

}  // namespace

TEST_CASE("five at once: five pods in the same second, none a stable window after the last", "[together]") {
    Loop loop(demo(), 30);
    Second t = 0;
    for (; t < 11; ++t) loop.second(t, 0, 0);
    CHECK(loop.fleet.pods().empty());
    loop.second(t++, 5, 0);
    CHECK(loop.fleet.alive() == 5);
    CHECK(loop.fleet.pods().front().name == "knative-sd-demo-00001-deployment-1");
    for (; t < 191; ++t) {
        loop.second(t, 5, 1);
        REQUIRE(loop.fleet.ready() == (t < 41 ? 0 : 5));
    }
    for (; t <= 251; ++t) loop.second(t, 0, 0);
    CHECK(loop.fleet.ready() == 0);
    loop.second(t, 0, 0);
    CHECK(loop.fleet.pods().empty());
}

TEST_CASE("a pod that works on while the demand falls is drained, and gone when it is done", "[together]") {
    Loop loop(demo(), 1);
    Second t = 0;
    for (; t < 20; ++t) loop.second(t, 2, 1);
    REQUIRE(loop.fleet.ready() == 2);
    for (; t < 200; ++t) loop.second(t, 0.1, 1);
    CHECK(loop.fleet.ready() == 1);
    CHECK(loop.fleet.draining() == 1);
    loop.second(t++, 0.1, 0);
    loop.second(t++, 0.1, 0);
    CHECK(loop.fleet.draining() == 0);
    CHECK(loop.fleet.alive() == 1);
}
