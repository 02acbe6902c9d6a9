// When faults strike, and how they are said.
#include "simulator/faults.hpp"

#include <catch2/catch.hpp>

using namespace simulator;

namespace {

Fault fault(std::string_view text) {
    auto parsed = parse_fault(text);
    if (const auto* wrong = std::get_if<std::string>(&parsed)) FAIL(*wrong);
    return std::get<Fault>(parsed);
}

std::string wrong(std::string_view text) {
    auto parsed = parse_fault(text);
    REQUIRE(std::holds_alternative<std::string>(parsed));
    return std::get<std::string>(parsed);
}

const std::string txt2img = "/sdapi/v1/txt2img";

}  // namespace

TEST_CASE("a fault is said by its name and its settings", "[faults]") {
    const Fault crash = fault("crash:nth=3,at=0.25,times=2");
    CHECK(crash.kind == FaultKind::crash);
    CHECK(crash.nth == 3);
    CHECK(crash.at == 0.25);
    CHECK(crash.times == 2);
    CHECK(fault("half-close").kind == FaultKind::half_close);
    CHECK_THAT(wrong("explode"), Catch::Contains("there are crash hang"));
    CHECK_THAT(wrong("crash:when=1"), Catch::Contains("no \"when\""));
    CHECK_THAT(wrong("crash:at=2"), Catch::Contains("from 0 to 1"));
    CHECK_THAT(wrong("crash:at"), Catch::Contains("not key=value"));
}

TEST_CASE("a fault strikes every nth opportunity and so often as it is told", "[faults]") {
    Faults faults(1);
    faults.set(fault("error:nth=3,times=2"));
    std::string struck;
    for (int i = 0; i < 12; ++i) struck += faults.strike(FaultKind::error, txt2img, true) ? 'x' : '.';
    CHECK(struck == "..x..x......");
}

TEST_CASE("a fault strikes with its probability", "[faults]") {
    Faults faults(7);
    faults.set(fault("error:probability=0.25"));
    int struck = 0;
    for (int i = 0; i < 10'000; ++i) struck += faults.strike(FaultKind::error, txt2img, true) ? 1 : 0;
    CHECK(struck == Approx(2500).margin(200));
}

TEST_CASE("a fault is about generations unless it names a path", "[faults]") {
    Faults faults(1);
    faults.set(fault("error"));
    CHECK_FALSE(faults.strike(FaultKind::error, "/sdapi/v1/progress", false));
    CHECK(faults.strike(FaultKind::error, txt2img, true));
    faults.clear();
    faults.set(fault("error:path=/sdapi/v1/progress"));
    CHECK(faults.strike(FaultKind::error, "/sdapi/v1/progress", false));
    CHECK_FALSE(faults.strike(FaultKind::error, txt2img, true));
}

TEST_CASE("a fault set again takes the place of the old one", "[faults]") {
    Faults faults(1);
    faults.set(fault("error:nth=2"));
    faults.set(fault("error"));
    CHECK(faults.armed().size() == 1);
    CHECK(faults.strike(FaultKind::error, txt2img, true));
    faults.clear(FaultKind::error);
    CHECK_FALSE(faults.has(FaultKind::error));
}
