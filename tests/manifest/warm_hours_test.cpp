// The annotation pilotlight.dev/warm-hours: its windows, and where a wrong one stands.
#include <catch2/catch.hpp>

#include "tests/manifest/helpers.hpp"

using namespace manifest;
using namespace manifest::test;

namespace {

std::vector<autoscaler::WarmWindow> windows_of(const std::vector<std::string>& annotation) {
    auto loaded = load_text(service_with(annotation));
    INFO(lines(loaded.problems));
    REQUIRE(loaded.configuration);
    return loaded.configuration->services.front().scaling.warm_hours;
}

}  // namespace

TEST_CASE("warm hours stand one a line or with semicolons between them", "[manifest]") {
    const std::vector<autoscaler::WarmWindow> expected{{0x1f, 480, 1080, 2, {}, "Mon-Fri 08:00-18:00"},
                                                       {0x60, 600, 120, 1, 0, "Sat,Sun 10:00-02:00 UTC"}};
    CHECK(windows_of({"pilotlight.dev/warm-hours: |", "  # the office", "", "  Mon-Fri 08:00-18:00 2  # two",
                      "  Sat,Sun 10:00-02:00 1 UTC"}) == expected);
    CHECK(windows_of({"pilotlight.dev/warm-hours: Mon-Fri 08:00-18:00 2; Sat,Sun 10:00-02:00 1 UTC;"}) ==
          expected);
    CHECK(windows_of({"pilotlight.dev/warm-hours: \"\""}).empty());
}

TEST_CASE("a wrong window is an error at the wrong word, with what to write instead", "[manifest]") {
    CHECK(problems_of({"pilotlight.dev/warm-hours: |", "  Mon-Fri 08:00-18:00 2",
                       "  Sat 10:00-12:00 1; Sun 8-18 1", "  Mon 08:00-18:00 two"}) ==
          "a.yaml:11:34: pilotlight.dev/warm-hours: '8-18' is no time of day; write it as 08:00-18:00, over "
          "midnight as 22:00-02:00\n"
          "a.yaml:12:27: pilotlight.dev/warm-hours: 'two' is no number of pods; write 1 to 1000\n");
    CHECK_THAT(problems_of({"pilotlight.dev/warm-hours: Weekdays 08:00-18:00 2"}),
               Catch::StartsWith("a.yaml:9:36: pilotlight.dev/warm-hours: 'Weekdays' are no days; write "));
}

TEST_CASE("more than a hundred windows are an error", "[manifest]") {
    std::vector<std::string> annotation{"pilotlight.dev/warm-hours: |"};
    for (int i = 0; i < 100; ++i) annotation.push_back("  Mon 08:00-18:00 2");
    CHECK(windows_of(annotation).size() == 100);
    annotation.push_back("  Mon 08:00-18:00 2");
    CHECK_THAT(problems_of(annotation), Catch::Contains("more than 100 windows"));
}

TEST_CASE("warm hours beyond max-scale draw a warning: they keep no more than that", "[manifest]") {
    CHECK_THAT(problems_of({"autoscaling.knative.dev/max-scale: \"1\"",
                            "pilotlight.dev/warm-hours: Mon 08:00-18:00 2"}),
               Catch::Contains("warning: pilotlight.dev/warm-hours: Mon 08:00-18:00 wants 2 pods, max-scale "
                               "allows 1"));
}
