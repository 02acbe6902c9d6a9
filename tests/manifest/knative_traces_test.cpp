// What Knative's own code resolved from annotations and config-autoscaler: `config` of the files in
// tests/data/kpa.
#include <catch2/catch.hpp>
#include <filesystem>
#include <optional>
#include <utility>

#include "autoscaler/seconds.hpp"
#include "manifest/autoscaling.hpp"
#include "manifest/units.hpp"
#include "manifest/yaml.hpp"
#include "tests/manifest/helpers.hpp"

using namespace manifest;
using namespace manifest::test;
using autoscaler::in_seconds;

namespace {

// JSON is YAML.
NodePtr read_json(const std::filesystem::path& path, const std::string& text) {
    Problems problems;
    const auto documents = parse_yaml(path.native(), text, problems);
    INFO(lines(problems.all()));
    REQUIRE(documents.size() == 1);
    return documents.front();
}

double number(const Node& map, std::string_view key) {
    const Node* node = map.find(key);
    REQUIRE(node);
    return parse_number(node->text).value();
}

// The second in which the revision becomes unreachable, if it does. `resolved` of such a trace has what holds
// from then on, no minimum and no retention, not what its annotations say; before that the pods that it wants
// show the minimum at work.
std::optional<double> loses_route_at(const Node& root) {
    for (const auto& event : root.find("events")->items)
        if (event->find("kind")->text == "reachability") return number(*event, "t");
    return std::nullopt;
}

// (second, pods wanted) of each evaluation.
std::vector<std::pair<double, double>> wishes(const Node& root) {
    const Node* ticks = root.find("ticks");
    REQUIRE(ticks);
    const auto& seconds = ticks->find("t")->items;
    const auto& wants = ticks->find("want")->items;
    REQUIRE(seconds.size() == wants.size());
    std::vector<std::pair<double, double>> pairs;
    for (std::size_t i = 0; i < seconds.size(); ++i)
        pairs.emplace_back(parse_number(seconds[i]->text).value(), parse_number(wants[i]->text).value());
    return pairs;
}

}  // namespace

TEST_CASE("annotations and config-autoscaler resolve to what Knative's own code made of them", "[manifest]") {
    int files = 0, lose_their_route = 0;
    for (const auto& entry : std::filesystem::directory_iterator(TEST_DATA "/kpa")) {
        if (entry.path().extension() != ".json") continue;
        ++files;
        INFO(entry.path().string());
        const auto root = read_json(entry.path(), read_file(entry.path().string()));
        const Node* config = root->find("config");
        REQUIRE(config);
        Problems problems;
        const auto defaults = read_cluster_defaults(
            read_annotations(config->find("config_autoscaler"), "data", problems), problems);
        const auto annotations = read_annotations(config->find("annotations"), "annotations", problems);
        const auto concurrency = static_cast<int>(number(*config, "container_concurrency"));
        const auto settings = resolve(annotations, defaults, concurrency, problems);
        CHECK(lines(problems.all()) == "");

        const Node& expected = *config->find("resolved");
        CHECK(settings.target == number(expected, "target_value"));
        CHECK(settings.total == number(expected, "total_value"));
        CHECK(in_seconds(settings.stable_window) == number(expected, "stable_window_s"));
        CHECK(in_seconds(settings.panic_window) == number(expected, "panic_window_s"));
        CHECK(settings.panic_threshold == number(expected, "panic_threshold"));
        CHECK(settings.max_scale_up_rate == number(expected, "max_scale_up_rate"));
        CHECK(settings.max_scale_down_rate == number(expected, "max_scale_down_rate"));
        CHECK(settings.target_burst_capacity == number(expected, "target_burst_capacity"));
        if (const auto lost = loses_route_at(*root)) {
            ++lose_their_route;
            CHECK(number(expected, "min_scale") == 0);
            CHECK(settings.min_scale > 0);
            for (const auto& [second, want] : wishes(*root))
                if (second < *lost && want >= 0) CHECK(want >= settings.min_scale);
        } else {
            CHECK(settings.min_scale == number(expected, "min_scale"));
            CHECK(in_seconds(settings.scale_to_zero_pod_retention_period) ==
                  number(expected, "pod_retention_s"));
        }
        CHECK(settings.max_scale == number(expected, "max_scale"));
        CHECK(settings.initial_scale == number(expected, "initial_scale"));
        // Knative says 0 where none is written; 0 and 1 mean the same.
        CHECK(settings.activation_scale == std::max(1.0, number(expected, "activation_scale")));
        CHECK(in_seconds(settings.scale_down_delay) == number(expected, "scale_down_delay_s"));
        CHECK(in_seconds(settings.scale_to_zero_grace_period) == number(expected, "scale_to_zero_grace_s"));
        CHECK(settings.enable_scale_to_zero == (expected.find("enable_scale_to_zero")->text == "true"));
        CHECK((settings.metric == autoscaler::Metric::rps) ==
              (expected.find("scaling_metric")->text == "rps"));
        CHECK((settings.aggregation == autoscaler::Aggregation::weighted_exponential) ==
              (expected.find("aggregation")->text == "weighted-exponential"));
        CHECK((settings.target_burst_capacity == -1) == (expected.find("no_data_is_zero")->text == "true"));
    }
    CHECK(files == 27);
    CHECK(lose_their_route == 3);
}
