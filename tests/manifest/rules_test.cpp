// The annotation pilotlight.dev/rules: its lines, and where a wrong one stands.
#include <catch2/catch.hpp>

#include "tests/manifest/helpers.hpp"

using namespace manifest;
using namespace manifest::test;

namespace {

std::vector<router::UserRule> rules_of(const std::string& text) {
    auto loaded = load_text(text);
    INFO(lines(loaded.problems));
    REQUIRE(loaded.configuration);
    return loaded.configuration->services.front().rules;
}

}  // namespace

TEST_CASE("rules stand one a line, with comments, and know where they were written", "[manifest]") {
    const auto rules = rules_of(service_with({
        "pilotlight.dev/rules: |",
        "",
        "  # the render service",
        "  POST /my/render G  # slow",
        "  GET|HEAD /status/* L",
    }));
    REQUIRE(rules.size() == 2);
    CHECK(rules[0].origin == "a.yaml:12");
    CHECK(rules[1] == router::UserRule{"GET|HEAD /status/* L", "a.yaml:13"});
    CHECK(rules_of(service_with({"pilotlight.dev/rules: WS /live S"})).front().origin == "a.yaml:9");
}

TEST_CASE("a wrong rule is an error on its own line, with what to write instead", "[manifest]") {
    CHECK(problems_of(
              {"pilotlight.dev/rules: |-", "  POST /my/render G", "  POST /other/.* G", "  GET /x Y"}) ==
          "a.yaml:11:11: pilotlight.dev/rules: '.*' is a regular expression; write ** for whatever follows, "
          "* for one "
          "segment\n"
          "a.yaml:12:11: pilotlight.dev/rules: 'Y' is no class; after the path comes one of G J W S L N D, "
          "as in: POST "
          "/my/render G\n");
}

TEST_CASE("where lines are folded or escaped, a wrong rule is an error where the text begins", "[manifest]") {
    CHECK_THAT(problems_of({"pilotlight.dev/rules: \"GET /a L\\nGET b L\""}),
               Catch::StartsWith("a.yaml:9:31: "));
    CHECK_THAT(problems_of({"pilotlight.dev/rules: |", "", "  ", "", "  GET b L"}),
               Catch::StartsWith("a.yaml:13:11: "));
}

TEST_CASE("more than a thousand rules are an error", "[manifest]") {
    std::vector<std::string> annotation{"pilotlight.dev/rules: |"};
    for (int i = 0; i < 1000; ++i) annotation.push_back("  GET /a" + std::to_string(i) + " L");
    CHECK(rules_of(service_with(annotation)).size() == 1000);
    annotation.push_back("  GET /one-more L");
    CHECK(problems_of(annotation) == "a.yaml:1010:11: pilotlight.dev/rules: more than 1000 rules\n");
}

TEST_CASE("the rules of the template replace those of the Service", "[manifest]") {
    auto text = service_with({"pilotlight.dev/rules: GET /a L"});
    text.replace(text.find("{name: sd}"), 10, "{name: sd, annotations: {pilotlight.dev/rules: GET /b L}}");
    const auto rules = rules_of(text);
    REQUIRE(rules.size() == 1);
    CHECK(rules.front().text == "GET /a L");
}
