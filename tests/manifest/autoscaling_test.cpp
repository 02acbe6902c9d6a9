// Knative's autoscaling annotations and config-autoscaler: its validation, in its words
// (pkg/apis/autoscaling/annotation_validation.go; pkg/autoscaler/config/config.go).
#include <catch2/catch.hpp>
#include <utility>

#include "manifest/autoscaling.hpp"
#include "tests/manifest/helpers.hpp"

using namespace manifest;
using namespace std::chrono_literals;

namespace {

Annotations annotations(const std::vector<std::pair<std::string, std::string>>& written) {
    Annotations all;
    for (const auto& [key, value] : written)
        all.emplace(key.find('/') == std::string::npos ? std::string(autoscaling_prefix) + key : key,
                    Annotation{value, {}, {}});
    return all;
}

std::string complaints(const Problems& problems) {
    std::string text;
    for (const auto& problem : problems.all()) text += (text.empty() ? "" : "\n") + problem.text;
    return text;
}

struct Case {
    std::vector<std::pair<std::string, std::string>> written;
    std::string said;  // K stands for the prefix
};

std::string with_prefix(std::string text) {
    for (auto at = text.find("K/"); at != std::string::npos; at = text.find("K/", at))
        text.replace(at, 2, autoscaling_prefix);
    return text;
}

}  // namespace

TEST_CASE("wrong autoscaling annotations are refused in Knative's words", "[manifest]") {
    const std::vector<Case> cases{
        {{}, ""},
        {{{"class", "unsupported.knative.dev"}},
         "invalid value: unsupported.knative.dev, expected kpa.autoscaling.knative.dev or "
         "break-even.pilotlight.dev: K/class"},
        {{{"class", "kpa"}}, ""},
        {{{"class", "break-even.pilotlight.dev"}}, ""},
        {{{"min-scale", "0"}}, ""},
        {{{"max-scale", "0"}}, ""},
        {{{"min-scale", "-1"}}, "expected 0 <= -1 <= 2147483647: K/min-scale"},
        {{{"max-scale", "2147483648"}}, "expected 0 <= 2147483648 <= 2147483647: K/max-scale"},
        {{{"max-scale", "99999999999999999999"}},
         "expected 0 <= 99999999999999999999 <= 2147483647: K/max-scale"},
        {{{"maxScale", "-1"}}, "expected 0 <= -1 <= 2147483647: K/maxScale"},
        {{{"min-scale", "foo"}}, "invalid value: foo: K/min-scale"},
        {{{"max-scale", ""}}, "invalid value: : K/max-scale"},
        {{{"min-scale", "2"}, {"max-scale", "5"}}, ""},
        {{{"min-scale", "5"}, {"max-scale", "2"}},
         "max-scale=2 is less than min-scale=5: K/max-scale, K/min-scale"},
        {{{"min-scale", "1"}, {"activation-scale", "2"}, {"max-scale", "3"}}, ""},
        {{{"min-scale", "3"}, {"activation-scale", "2"}},
         "min-scale=3 is greater than activation-scale=2: K/activation-scale"},
        {{{"max-scale", "1"}, {"activation-scale", "2"}},
         "max-scale=1 is less than activation-scale=2: K/activation-scale"},
        {{{"activation-scale", "1"}}, "activation-scale=1 must be greater than 1: K/activation-scale"},
        {{{"activation-scale", "two"}}, "invalid value: two: K/activation-scale"},
        {{{"metric-aggregation-algorithm", "linear"}}, ""},
        {{{"metric-aggregation-algorithm", ""}}, ""},
        {{{"metric-aggregation-algorithm", "random-selection"}},
         "invalid value: random-selection: K/metric-aggregation-algorithm"},
        {{{"panic-window-percentage", "-1"}}, "expected 1 <= -1 <= 100: K/panic-window-percentage"},
        {{{"panic-window-percentage", "202"}}, "expected 1 <= 202 <= 100: K/panic-window-percentage"},
        {{{"panic-window-percentage", "fifty"}}, "invalid value: fifty: K/panic-window-percentage"},
        {{{"panic-threshold-percentage", "210"}}, ""},
        {{{"panic-threshold-percentage", "109"}},
         "expected 110 <= 109 <= 1000: K/panic-threshold-percentage"},
        {{{"panic-threshold-percentage", "10009"}},
         "expected 110 <= 10009 <= 1000: K/panic-threshold-percentage"},
        {{{"panic-threshold-percentage", "fifty"}}, "invalid value: fifty: K/panic-threshold-percentage"},
        {{{"target", "-11"}}, "target -11 should be at least 0.01: K/target"},
        {{{"target", "0"}}, "target 0 should be at least 0.01: K/target"},
        {{{"target", "100}"}}, "invalid value: 100}: K/target"},
        {{{"target", "NaN"}}, "invalid value: NaN: K/target"},
        {{{"target", "11"}}, ""},
        {{{"target-burst-capacity", "-11"}}, "invalid value: -11: K/target-burst-capacity"},
        {{{"target-burst-capacity", "0"}}, ""},
        {{{"target-burst-capacity", "19870709"}}, ""},
        {{{"target-burst-capacity", "-1"}}, ""},
        {{{"target-burst-capacity", "qarashen"}}, "invalid value: qarashen: K/target-burst-capacity"},
        {{{"target-utilization-percentage", "0"}}, "expected 1 <= 0 <= 100: K/target-utilization-percentage"},
        {{{"targetUtilizationPercentage", "101"}}, "expected 1 <= 101 <= 100: K/targetUtilizationPercentage"},
        {{{"target-utilization-percentage", "dghyak"}},
         "invalid value: dghyak: K/target-utilization-percentage"},
        {{{"window", "jerry-was-a-racecar-driver"}}, "invalid value: jerry-was-a-racecar-driver: K/window"},
        {{{"window", "1s"}}, "expected 6s <= 1s <= 1h0m0s: K/window"},
        {{{"window", "365h"}}, "expected 6s <= 365h <= 1h0m0s: K/window"},
        {{{"window", "1m9s82ms"}}, "must be specified with at most second precision: K/window"},
        {{{"scale-to-zero-pod-retention-period", "0"}}, ""},
        {{{"scale-to-zero-pod-retention-period", "21m31s"}}, ""},
        {{{"scale-to-zero-pod-retention-period", "311m"}},
         "expected 0s <= 311m <= 1h0m0s: K/scale-to-zero-pod-retention-period"},
        {{{"scale-to-zero-pod-retention-period", "-42s"}},
         "expected 0s <= -42s <= 1h0m0s: K/scale-to-zero-pod-retention-period"},
        {{{"scale-to-zero-pod-retention-period", "twenty"}},
         "invalid value: twenty: K/scale-to-zero-pod-retention-period"},
        {{{"scale-down-delay", "0"}}, ""},
        {{{"scale-down-delay", "311m"}}, "expected 0s <= 311m <= 1h0m0s: K/scale-down-delay"},
        {{{"scale-down-delay", "42.5s"}},
         "must be specified with at most second precision: K/scale-down-delay"},
        {{{"scale-down-delay", "-42s"}}, "expected 0s <= -42s <= 1h0m0s: K/scale-down-delay"},
        {{{"metric", "cpu"}}, "invalid value: cpu: K/metric"},
        {{{"metric", "rps"}}, ""},
        {{{"initial-scale", "0"}}, "invalid value: 0: K/initial-scale=0 not allowed by cluster"},
        {{{"initial-scale", "2"}}, ""},
        {{{"initial-scale", "-1"}}, "invalid value: -1: K/initial-scale must be greater than 0"},
        {{{"initial-scale", "invalid"}}, "invalid value: invalid: K/initial-scale"},
        {{{"min-scale", "-4"},
          {"panic-window-percentage", "-11"},
          {"panic-threshold-percentage", "fifty"},
          {"max-scale", "never"}},
         "expected 1 <= -11 <= 100: K/panic-window-percentage\ninvalid value: fifty: "
         "K/panic-threshold-percentage\n"
         "expected 0 <= -4 <= 2147483647: K/min-scale\ninvalid value: never: K/max-scale"},
        {{{"serving.knative.dev/progress-deadline", "0s"}},
         "progress-deadline=0s must be positive: serving.knative.dev/progress-deadline"},
        {{{"serving.knative.dev/progress-deadline", "1.5s"}},
         "progress-deadline=1.5s is not at second precision: serving.knative.dev/progress-deadline"},
    };
    for (const auto& [written, said] : cases) {
        Problems problems;
        resolve(annotations(written), {}, 0, problems);
        CHECK(complaints(problems) == with_prefix(said));
    }
}

TEST_CASE("the kebab-case spelling of an annotation wins over the camelCase one", "[manifest]") {
    Problems problems;
    const auto settings =
        resolve(annotations({{"max-scale", "3"}, {"maxScale", "5"}, {"minScale", "2"}}), {}, 1, problems);
    CHECK(settings.max_scale == 3);
    CHECK(settings.min_scale == 2);
    CHECK(problems.all().empty());
}

TEST_CASE("the maximum of config-autoscaler bounds what an annotation may ask for", "[manifest]") {
    ClusterDefaults defaults;
    defaults.max_scale_limit = 10;
    defaults.max_scale = 4;
    const auto said = [&](const std::string& max) {
        Problems problems;
        resolve(annotations({{"max-scale", max}}), defaults, 1, problems);
        return complaints(problems);
    };
    CHECK(said("11") == with_prefix("expected 1 <= 11 <= 10: K/max-scale"));
    CHECK(said("0") == with_prefix("max-scale=0 (unlimited), must be less than 10: K/max-scale"));
    CHECK(said("9") == "");
    defaults.min_scale = 3;
    CHECK(said("2") ==
          with_prefix("max-scale=2 is less than min-scale=3 together with config-autoscaler: K/max-scale"));
    Problems problems;
    CHECK(resolve({}, defaults, 1, problems).max_scale == 4);
}

TEST_CASE("the panic window is rounded half up to the second and lasts one at least", "[manifest]") {
    for (const auto& [window, panic] :
         std::vector<std::pair<std::string, seconds>>{{"25s", 3s}, {"6s", 1s}, {"24s", 2s}, {"1h", 360s}}) {
        Problems problems;
        CHECK(resolve(annotations({{"window", window}}), {}, 1, problems).panic_window == panic);
    }
}

TEST_CASE("a target counts up to containerConcurrency and never below a hundredth", "[manifest]") {
    Problems problems;
    CHECK(resolve(annotations({{"target", "5"}}), {}, 2, problems).total == 2);
    CHECK(resolve(annotations({{"target", "5"}}), {}, 0, problems).total == 5);
    CHECK(resolve(annotations({{"target", "0.01"}, {"target-utilization-percentage", "1"}}), {}, 0, problems)
              .target == 0.01);
    CHECK(resolve({}, {}, 0, problems).target == 70);
    CHECK(resolve(annotations({{"metric", "rps"}}), {}, 3, problems).target == 140);
    CHECK(resolve(annotations({{"metric", "rps"}, {"target", "50"}}), {}, 3, problems).total == 50);
    CHECK(problems.all().empty());
}

TEST_CASE("the progress deadline is an annotation too", "[manifest]") {
    Problems problems;
    CHECK(resolve({}, {}, 1, problems).progress_deadline == 600s);
    CHECK(resolve(annotations({{"serving.knative.dev/progress-deadline", "30m"}}), {}, 1, problems)
              .progress_deadline == 30min);
}

TEST_CASE("an unknown autoscaling annotation is ignored with a suggestion, as Knative ignores it without",
          "[manifest]") {
    Problems problems;
    resolve(annotations({{"maxScal", "3"}}), {}, 1, problems);
    CHECK(!problems.failed());
    CHECK(complaints(problems) ==
          "autoscaling.knative.dev/maxScal: no annotation of Knative's autoscaler, ignored; did you mean "
          "maxScale?");
}

TEST_CASE("config-autoscaler is checked by Knative's rules", "[manifest]") {
    const auto said = [](const std::vector<std::pair<std::string, std::string>>& written) {
        Annotations data;
        for (const auto& [key, value] : written) data.emplace(key, Annotation{value, {}, {}});
        Problems problems;
        read_cluster_defaults(data, problems);
        return complaints(problems);
    };
    CHECK(said({}) == "");
    CHECK(said({{"_example", "x"}, {"stable-window", "90s"}}) == "");
    CHECK(said({{"stable-window", "5s"}}) ==
          "data.stable-window: stable-window = 5s, must be in [6s; 1h0m0s] range");
    CHECK(said({{"stable-window", "6.5s"}}) ==
          "data.stable-window: stable-window = 6.5s, must be specified with at most second precision");
    CHECK(said({{"max-scale-up-rate", "1"}}) ==
          "data.max-scale-up-rate: max-scale-up-rate = 1, must be greater than 1.0");
    CHECK(said({{"target-burst-capacity", "-2"}}) ==
          "data.target-burst-capacity: target-burst-capacity must be either non-negative or -1 (for "
          "unlimited), was: -2.000000");
    CHECK(said({{"panic-window-percentage", "101"}}) ==
          "data.panic-window-percentage: panic-window-percentage = 101, must be in [1, 100] interval");
    CHECK(said({{"initial-scale", "0"}}) ==
          "data.initial-scale: initial-scale = 0, must be at least 0 (or at least 1 when "
          "allow-zero-initial-scale is false)");
    CHECK(said({{"initial-scale", "0"}, {"allow-zero-initial-scale", "true"}}) == "");
    CHECK(said({{"min-scale", "3"}, {"max-scale", "2"}}) ==
          "data.min-scale: min-scale (3) must be less than max-scale (2)");
    CHECK(said({{"max-scale-limit", "5"}}) ==
          "data.max-scale: max-scale = 0, must be in [1, max-scale-limit(5)] range");
    CHECK(said({{"enable-scale-to-zero", "yes"}}) ==
          "data.enable-scale-to-zero: must be true or false, not \"yes\"");
    CHECK(said({{"scale-to-zero-grace-period", "0s"}}) ==
          "data.scale-to-zero-grace-period: scale-to-zero-grace-period must be positive, was: 0s");
    CHECK(said({{"pod-autoscaler-class", "hpa.autoscaling.knative.dev"}}) ==
          "data.pod-autoscaler-class: pod-autoscaler-class = \"hpa.autoscaling.knative.dev\", expected "
          "kpa.autoscaling.knative.dev or break-even.pilotlight.dev");
}

TEST_CASE("a class of our own is chosen by an annotation or for all by config-autoscaler", "[manifest]") {
    using autoscaler::Policy;
    Problems problems;
    CHECK(resolve({}, {}, 1, problems).policy == Policy::kpa);
    CHECK(resolve(annotations({{"class", "break-even.pilotlight.dev"}}), {}, 1, problems).policy ==
          Policy::break_even);
    const auto cluster = read_cluster_defaults(
        {{"pod-autoscaler-class", Annotation{"break-even.pilotlight.dev", {}, {}}}}, problems);
    CHECK(resolve({}, cluster, 1, problems).policy == Policy::break_even);
    CHECK(resolve(annotations({{"class", "kpa"}}), cluster, 1, problems).policy == Policy::kpa);
    CHECK(complaints(problems) == "");
}

TEST_CASE("what break-even scaling does not go by draws a warning", "[manifest]") {
    Problems problems;
    resolve(annotations({{"class", "break-even.pilotlight.dev"}, {"window", "30s"}, {"max-scale", "3"}}), {},
            1, problems);
    CHECK(complaints(problems) ==
          "autoscaling.knative.dev/window: means nothing with class break-even.pilotlight.dev");
    CHECK_FALSE(problems.failed());
}
