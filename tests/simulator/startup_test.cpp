// The stages of a start.
#include "simulator/startup.hpp"

#include <catch2/catch.hpp>

using namespace simulator;
using namespace std::chrono_literals;

TEST_CASE("only the WebUI and its relatives mount their API after they listen", "[startup]") {
    Options options;
    const TimePoint start{};
    for (const char* dialect : {"gradio5", "comfy", "sdcpp"}) {
        options.dialect = dialect;
        CHECK(plan_startup(options, start).stage(start + 20'001ms) == Stage::mounted);
    }
    options.dialect = "forge";
    CHECK(plan_startup(options, start).stage(start + 20'001ms) == Stage::listening);
}

TEST_CASE("stable-diffusion.cpp loads its model before it listens", "[startup]") {
    Options options;
    options.dialect = "sdcpp";
    options.cold = 2;
    options.model_load = 8;
    CHECK(plan_startup(options, TimePoint{}).bind_at == TimePoint{} + 8s);
    options.dialect = "a1111";
    CHECK(plan_startup(options, TimePoint{}).bind_at == TimePoint{} + 2s);
}

TEST_CASE("a start goes from importing over listening and fragile to mounted", "[startup]") {
    Options options;
    options.crash_window = 0.3;
    const TimePoint start{};
    const Startup plan = plan_startup(options, start);
    CHECK(plan.stage(start + 19'999ms) == Stage::importing);
    CHECK(plan.stage(start + 20'001ms) == Stage::listening);
    CHECK(plan.stage(start + 21'199ms) == Stage::listening);
    CHECK(plan.stage(start + 21'201ms) == Stage::fragile);
    CHECK(plan.stage(start + 21'501ms) == Stage::mounted);
    CHECK(plan.model_at == start + 8s);
}

TEST_CASE("without a crash window no moment is fragile", "[startup]") {
    const Startup plan = plan_startup(Options{}, TimePoint{});
    CHECK(plan.fragile_from == plan.mounted_at);
}

TEST_CASE("without the page the port opens when everything is mounted", "[startup]") {
    Options options;
    options.nowebui = true;
    const Startup plan = plan_startup(options, TimePoint{});
    CHECK(plan.bind_at == plan.mounted_at);
}

TEST_CASE("the time scale shrinks every stage", "[startup]") {
    Options options;
    options.time_scale = 0.1;
    const Startup plan = plan_startup(options, TimePoint{});
    CHECK(plan.bind_at == TimePoint{2s});
    CHECK(plan.mounted_at == TimePoint{2150ms});
    CHECK(plan.model_at == TimePoint{800ms});
}
