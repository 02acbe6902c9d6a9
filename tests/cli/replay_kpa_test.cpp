// Knative's own decisions, replayed (tests/data/kpa/README.md), and how files that are not quite like them
// are met.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "cli/kpa_file.hpp"

using namespace cli;

namespace {

std::string content(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

std::string trace(const std::string& name) {
    return content(TEST_DATA "/kpa/" + name + ".json");
}

// The text with one piece of it replaced, which must be there.
std::string with(std::string text, const std::string& piece, const std::string& other) {
    const auto at = text.find(piece);
    INFO(piece);
    REQUIRE(at != std::string::npos);
    return text.replace(at, piece.size(), other);
}

std::string replayed(const std::string& text) {
    return first_difference(read_kpa_file(text, "file"));
}

std::string refusal(const std::string& text) {
    try {
        read_kpa_file(text, "file");
    } catch (const BadKpaFile& error) {
        return error.what();
    }
    return "none";
}

// A revision with containerConcurrency 1 under a load of 2 for eight seconds: one pod, then two.
std::string small(
    const std::string& annotations = R"("autoscaling.knative.dev/targetUtilizationPercentage": "100")",
    const std::string& events = "", const std::string& config = "") {
    return R"({"config": {"container_concurrency": 1, "annotations": {)" + annotations +
           R"(}, "config_autoscaler": {)" + config + R"(}},
        "model": {"start": "steady", "start_pods": 1, "cold_start_s": 0, "duration_s": 4},
        "events": [)" +
           events + R"(],
        "input": {"concurrency": [1, 1, 1, 1]},
        "ticks": {"t": [0, 2], "ready": [1, 1], "stable": [1, 1], "panic": [1, 1], "valid": [1, 1],
                  "desired_pods": [1, 1], "excess_burst_capacity": [-211, -211], "panic_mode": [0, 0],
                  "max_panic_pods": [0, 0], "want": [1, 1], "replicas": [1, 1]}})";
}

}  // namespace

TEST_CASE("each of Knative's traces is followed in every column", "[replay]") {
    int files = 0;
    for (const auto& entry : std::filesystem::directory_iterator(TEST_DATA "/kpa")) {
        if (entry.path().extension() != ".json") continue;
        ++files;
        const auto file = read_kpa_file(content(entry.path().string()), "");
        CHECK(file.name == entry.path().stem().string());
        CHECK(file.rows.size() > 30);
        CHECK(file.replicas.has_value());
        INFO(file.name);
        CHECK(first_difference(file) == "");
    }
    CHECK(files == 27);
}

TEST_CASE("the first tick and column that differ are named with both values", "[replay]") {
    const auto file = read_kpa_file(trace("ack_step_0_to_5"), "");
    for (const auto& [change, said] : std::vector<std::pair<std::function<void(KpaFile::Row&)>, std::string>>{
             {[](auto& row) { row.ready = 9; }, "tick t=20, ready: file 9, replayed 0"},
             {[](auto& row) { row.averages->stable += 2e-6; },
              "tick t=20, stable: file 5.000002, replayed 5"},
             {[](auto& row) { row.averages->panic -= 1; }, "tick t=20, panic: file 4, replayed 5"},
             {[](auto& row) { row.averages.reset(); }, "tick t=20, valid: file 0, replayed 1"},
             {[](auto& row) { row.desired_pods = 6; }, "tick t=20, desired_pods: file 6, replayed 5"},
             {[](auto& row) { row.excess_burst_capacity = 0; },
              "tick t=20, excess_burst_capacity: file 0, replayed -216"},
             {[](auto& row) { row.panic_mode = 0; }, "tick t=20, panic_mode: file 0, replayed 1"},
             {[](auto& row) { row.max_panic_pods = 7; }, "tick t=20, max_panic_pods: file 7, replayed 5"},
             {[](auto& row) { row.want = 4; }, "tick t=20, want: file 4, replayed 5"},
             {[](auto& row) { row.replicas = 4; }, "tick t=20, replicas: file 4, replayed 5"}}) {
        auto changed = file;
        for (auto& row : changed.rows)
            if (row.second == 20) change(row);
        CHECK(first_difference(changed) == said);
    }
}

TEST_CASE("an average may differ by a millionth", "[replay]") {
    auto file = read_kpa_file(trace("ack_step_0_to_5"), "");
    for (auto& row : file.rows)
        if (row.averages) row.averages->stable += 1e-6;
    CHECK(first_difference(file) == "");
}

TEST_CASE("a row too many or too few is a difference", "[replay]") {
    auto file = read_kpa_file(trace("ack_step_0_to_5"), "");
    file.rows.erase(file.rows.begin() + 1);
    CHECK(first_difference(file) == "tick t=2, t: file no row, replayed an evaluation");
    file = read_kpa_file(trace("ack_step_0_to_5"), "");
    file.rows.pop_back();
    CHECK(first_difference(file) == "tick t=338, t: file no row, replayed an evaluation");
    file.every_tick_listed = false;
    CHECK(first_difference(file) == "");
    file.rows.back().second = 337;
    CHECK(first_difference(file) == "tick t=337, t: file an evaluation, replayed none");
}

TEST_CASE("what changes between ticks is compared too", "[replay]") {
    auto file = read_kpa_file(trace("ack_step_0_to_5"), "");
    file.mode->push_back({400, "serve"});
    CHECK(first_difference(file) == "change 2, mode_changes: file [400, serve], replayed nothing more");
}

TEST_CASE("a file's own `resolved` is held against its annotations", "[replay]") {
    CHECK(replayed(with(trace("ack_step_0_to_5"), "\"target_burst_capacity\":211",
                        "\"target_burst_capacity\":200")) ==
          "config.resolved.target_burst_capacity: file 200, resolved 211");
}

TEST_CASE("a key of config-autoscaler may change on the way, however it is written", "[replay]") {
    CHECK(replayed(small()) == "");
    for (const std::string how : {R"("key": "min-scale", "value": "2")", R"("key": "min-scale", "value": 2)",
                                  R"("value": {"min-scale": "2"})", R"("value": "min-scale=2")"})
        CHECK(replayed(small("", R"({"t": 2, "kind": "config", )" + how + "}"))
                  .starts_with("tick t=0, desired_pods"));
    const auto raised = small(R"("autoscaling.knative.dev/targetUtilizationPercentage": "100")",
                              R"({"t": 2, "kind": "config", "key": "min-scale", "value": "2"})");
    CHECK(replayed(raised) == "tick t=2, want: file 1, replayed 2");
}

TEST_CASE("a delay that config-autoscaler changes on the way counts for new revisions only", "[replay]") {
    const auto file = read_kpa_file(
        small("", R"({"t": 2, "kind": "config", "key": "scale-down-delay", "value": "60s"})"), "");
    REQUIRE(file.trace.events.size() == 1);
    CHECK(std::get<autoscaler::Settings>(file.trace.events[0].what).scale_down_delay.count() == 0);
}

TEST_CASE(
    "Knative takes a minimum above config-autoscaler's maximum, and the maximum cuts what is above both",
    "[replay]") {
    const auto text =
        with(small(R"("autoscaling.knative.dev/min-scale": "3")", "", R"("max-scale": "2")"),
             "\"config_autoscaler\"", R"("resolved": {"min_scale": 3, "max_scale": 2}, "config_autoscaler")");
    auto file = read_kpa_file(text, "");
    CHECK(file.misresolved == "");
    CHECK(autoscaler::replay(file.trace).ticks.front().want == 3);
    file.trace.seconds.assign(4, autoscaler::Sample{9, 0});
    CHECK(autoscaler::replay(file.trace).ticks.front().want == 2);
}

TEST_CASE("a malformed file is refused with the place of what is wrong", "[replay]") {
    CHECK(refusal("{").starts_with("is no JSON: "));
    CHECK(refusal("[]") == "must be an object");
    CHECK(refusal("{}") == "has no \"config\"");
    CHECK(refusal(with(small(), "\"steady\"", "\"warm\"")) ==
          "model.start: must be one of zero, fresh, steady, restart, not \"warm\"");
    CHECK(refusal(with(small(), "\"duration_s\": 4", "\"duration_s\": 3")) ==
          "input.concurrency: has 4 seconds, more than model.duration_s");
    CHECK(refusal(with(small(), "\"duration_s\": 4", "\"duration_s\": 1e300")) ==
          "model.duration_s: must be 0 to 10000000");
    CHECK(refusal(with(small(), "[1, 1, 1, 1]", "[1, \"x\", 1, 1]")) ==
          "input.concurrency[1]: must be a number");
    CHECK(refusal(with(small(), "\"ready\": [1, 1]", "\"ready\": [1]")) ==
          "ticks.ready: has 1 rows, but t has 2");
    CHECK(refusal(with(small(), "\"ready\": [1, 1]", "\"ready\": [1, 1.5]")) ==
          "ticks.ready[1]: must be a whole number");
    CHECK(refusal(with(small(), "\"t\": [0, 2]", "\"t\": [2, 0]")) ==
          "ticks.t[1]: must grow from row to row");
    CHECK(refusal(small("\"autoscaling.knative.dev/target\": \"x\"")) ==
          "config: invalid value: x: autoscaling.knative.dev/target");
    CHECK(refusal(small("", R"({"t": 2, "kind": "weather", "value": 1})")) ==
          "events[0].kind: must be one of reachability, config, cold_start_s, not \"weather\"");
    CHECK(refusal(small("", R"({"t": 2, "kind": "config", "key": "stable-window", "value": "1s"})"))
              .starts_with("events[0]: data.stable-window: stable-window = 1s, must be in"));
}
