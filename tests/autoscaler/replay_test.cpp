// Knative's own decisions, replayed: see tests/data/kpa/README.md.
#include <catch2/catch.hpp>
#include <filesystem>

#include "trace_file.hpp"

using namespace autoscaler;

namespace {

template <class Value>
std::string listed(const std::vector<Change<Value>>& changes) {
    std::string all;
    for (const auto& change : changes) {
        all += " " + std::to_string(change.second) + ":";
        if constexpr (std::is_arithmetic_v<Value>)
            all += std::to_string(change.value);
        else if constexpr (std::is_enum_v<Value>)
            all += to_string(change.value);
        else
            all += change.value;
    }
    return all;
}

void compare(const Tick& seen, const ExpectedTick& wanted) {
    INFO("second " << seen.second << ": " << sentence(seen.decision));
    CHECK(seen.ready == wanted.ready);
    CHECK(seen.averages.has_value() == wanted.averages.has_value());
    if (seen.averages && wanted.averages) {
        CHECK(seen.averages->stable == Approx(wanted.averages->stable).margin(1e-6).epsilon(0));
        CHECK(seen.averages->panic == Approx(wanted.averages->panic).margin(1e-6).epsilon(0));
    }
    CHECK(seen.decision.desired == wanted.desired_pods);
    CHECK(seen.decision.excess_burst_capacity == wanted.excess_burst_capacity);
    CHECK(seen.decision.panic == wanted.panic_mode);
    CHECK(seen.panic_pods == wanted.max_panic_pods);
    CHECK(seen.want == wanted.want);
    REQUIRE(seen.replicas == wanted.replicas);
}

}  // namespace

TEST_CASE("each of Knative's traces is followed in every column", "[replay]") {
    const auto files = trace_files();
    REQUIRE(files.size() >= 27);
    for (const auto& path : files) {
        DYNAMIC_SECTION(std::filesystem::path(path).stem().string()) {
            const TraceFile file = read_trace(path);
            const Replayed played = replay(file.trace);
            std::size_t compared = 0;
            for (const Tick& tick : played.ticks) {
                const auto wanted = file.ticks.find(tick.second);
                if (file.every_tick_listed) REQUIRE(wanted != file.ticks.end());
                if (wanted == file.ticks.end()) continue;
                compare(tick, wanted->second);
                ++compared;
            }
            CHECK(compared == file.ticks.size());
            CHECK(listed(played.replicas) == listed(file.replicas));
            CHECK(listed(played.activity) == listed(file.activity));
            CHECK(listed(played.mode) == listed(file.mode));
        }
    }
}
