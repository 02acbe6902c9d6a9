// Documents together: any order, any number of files, and what only all of them can know.
#include <catch2/catch.hpp>

#include "tests/manifest/helpers.hpp"

using namespace manifest;
using namespace manifest::test;
using namespace std::chrono_literals;

namespace {

const std::string mapping =
    "apiVersion: serving.knative.dev/v1beta1\nkind: DomainMapping\nmetadata: {name: pictures.example.com}\n"
    "spec: {ref: {kind: Service, name: sd, apiVersion: serving.knative.dev/v1}}\n";
const std::string config_map =
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: config-autoscaler, namespace: knative-serving}\n"
    "data: {stable-window: 2m, max-scale: \"4\", scale-to-zero-grace-period: 10s, _example: anything}\n";

}  // namespace

TEST_CASE("documents come in any order and in any number of files", "[manifest]") {
    const std::vector<Source> apart{
        {"1", mapping}, {"2", service_with({})}, {"3", config_map}, {"4", gateway_with("{workers: 2}")}};
    const std::vector<Source> together{{"1", config_map + "---\n" + gateway_with("{workers: 2}") + "---\n" +
                                                 service_with({}) + "---\n" + mapping}};
    for (const auto& sources : {apart, together}) {
        const auto loaded = load(sources);
        CHECK(lines(loaded.problems) == "");
        REQUIRE(loaded.configuration);
        CHECK(loaded.configuration->gateway.workers == 2);
        CHECK(loaded.configuration->domain_mappings ==
              std::vector<DomainMapping>{{"pictures.example.com", "default", "sd"}});
        REQUIRE(loaded.configuration->services.size() == 1);
        const auto& scaling = loaded.configuration->services[0].scaling;
        CHECK(scaling.stable_window == 2min);
        CHECK(scaling.panic_window == 12s);
        CHECK(scaling.max_scale == 4);
        CHECK(scaling.scale_to_zero_grace_period == 10s);
    }
}

TEST_CASE("problems between two files name both places", "[manifest]") {
    const std::vector<Source> sources{{"one.yaml", service_with({})}, {"two.yaml", "\n" + service_with({})}};
    const auto loaded = load(sources);
    CHECK(!loaded.configuration);
    CHECK(lines(loaded.problems) ==
          "two.yaml:4:18: Service \"default/sd\" is there twice; the first is at one.yaml:3:18\n");
}

TEST_CASE("the same name in another namespace is another service", "[manifest]") {
    auto other = service_with({});
    other.replace(other.find("{name: sd}"), 10, "{name: sd, namespace: other}");
    const std::vector<Source> sources{{"one", service_with({})}, {"two", other}};
    const auto loaded = load(sources);
    CHECK(lines(loaded.problems) == "");
    CHECK(loaded.configuration);
}

TEST_CASE("everything wrong in several files is said at once", "[manifest]") {
    const std::vector<Source> sources{{"one", "a: [\n"},
                                      {"two", gateway_with("{worker: 1}")},
                                      {"three", service_with({"pilotlight.dev/x: y"})}};
    const auto loaded = load(sources);
    CHECK(loaded.problems.size() == 3);
    CHECK(loaded.problems[0].file == "one");
    CHECK(loaded.problems[1].file == "two");
    CHECK(loaded.problems[2].file == "three");
}

TEST_CASE("a second config-autoscaler is refused", "[manifest]") {
    const auto loaded = load_text(config_map + "---\n" + config_map);
    CHECK(lines(loaded.problems) ==
          "a.yaml:6:1: a second ConfigMap config-autoscaler; the first is at a.yaml:1:1\n");
}
