// Durations and quantities.
#include <catch2/catch.hpp>

#include "manifest/units.hpp"

using namespace manifest;
using namespace std::chrono_literals;

TEST_CASE("durations are read as Go reads them", "[manifest]") {
    CHECK(parse_duration("0") == 0ns);
    CHECK(parse_duration("2s") == 2s);
    CHECK(parse_duration("1m30s") == 90s);
    CHECK(parse_duration("500ms") == 500ms);
    CHECK(parse_duration("1.5h") == 90min);
    CHECK(parse_duration(".5s") == 500ms);
    CHECK(parse_duration("1.s") == 1s);
    CHECK(parse_duration("-3m") == -3min);
    CHECK(parse_duration("+3m") == 3min);
    CHECK(parse_duration("1us2ns") == 1002ns);
    CHECK(parse_duration("1\xc2\xb5s") == 1us);
    CHECK(parse_duration("2562047h47m16.854775807s") == std::chrono::nanoseconds::max());
    for (const auto* text : {"", "-", "1", "s", ".s", "1d", "1 s", "1s ", "1s1", "--1s", "1..5s", "1e3s",
                             "2562047h48m", "9999999h", "1111111111111111111111111111111111111111111111111s"})
        CHECK(!parse_duration(text));
}

TEST_CASE("durations are written as Go writes them", "[manifest]") {
    CHECK(format_duration(0s) == "0s");
    CHECK(format_duration(6s) == "6s");
    CHECK(format_duration(1h) == "1h0m0s");
    CHECK(format_duration(90s) == "1m30s");
    CHECK(format_duration(500ms) == "500ms");
    CHECK(format_duration(1500us) == "1.5ms");
    CHECK(format_duration(1500ms) == "1.5s");
    CHECK(format_duration(7ns) == "7ns");
    CHECK(format_duration(-90s) == "-1m30s");
}

TEST_CASE("sizes are read as Kubernetes reads them", "[manifest]") {
    CHECK(parse_quantity("0") == 0);
    CHECK(parse_quantity("4096") == 4096);
    CHECK(parse_quantity("256Mi") == 256ull << 20);
    CHECK(parse_quantity("1.5Gi") == 1536ull << 20);
    CHECK(parse_quantity("10M") == 10'000'000);
    CHECK(parse_quantity("1k") == 1000);
    CHECK(parse_quantity("1e6") == 1'000'000);
    CHECK(parse_quantity("18446744073709551615") == 18446744073709551615ull);
    for (const auto* text : {"", "-1", "1KB", "1K", "Mi", "1.5", "1m", "1 Gi", "1e", "1e-3", "16Ei",
                             "18446744073709551616", "0x10", "nan"})
        CHECK(!parse_quantity(text));
}

TEST_CASE("sizes are written with the largest binary unit that is exact", "[manifest]") {
    CHECK(format_quantity(0) == "0");
    CHECK(format_quantity(1ull << 30) == "1Gi");
    CHECK(format_quantity(4097) == "4097");
    CHECK(format_quantity(1536ull << 20) == "1536Mi");
}

TEST_CASE("numbers are whole texts and finite", "[manifest]") {
    CHECK(parse_integer("-12") == -12);
    CHECK(parse_integer("+12") == 12);
    CHECK(parse_number("1e3") == 1000);
    CHECK(parse_number("+0.5") == 0.5);
    for (const auto* text : {"", "+", "+-1", "1 ", " 1", "1x", "0x1", "nan", "inf", "99999999999999999999"})
        CHECK(!parse_integer(text));
    for (const auto* text : {"", "+", "+-1", "1 ", "nan", "inf", "1e999", "0x1"}) CHECK(!parse_number(text));
}
