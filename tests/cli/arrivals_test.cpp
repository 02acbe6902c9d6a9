// Traces of requests: CSV and our own access log.
#include <catch2/catch.hpp>

#include "cli/arrivals.hpp"

using namespace cli;

namespace {

std::string complaint(const std::string& text, const std::string& service = "") {
    try {
        read_trace(text, service);
    } catch (const BadTrace& error) {
        return error.what();
    }
    return "";
}

std::string record(const std::string& time, const std::string& service, char what, double pod, double total) {
    return R"({"time":")" + time + R"(","service":")" + service + R"(","class":")" + what +
           R"(","podTime":)" + std::to_string(pod) + R"(,"total":)" + std::to_string(total) + "}\n";
}

}  // namespace

TEST_CASE("a trace is CSV whose columns are found by their names", "[arrivals]") {
    const auto trace = read_trace("id,service_s,arrival_s\r\na,2.5,10\r\nb,1,9\r\n\r\n");
    REQUIRE(trace.size() == 2);
    CHECK(trace[0].arrival == 0);  // the first request begins it
    CHECK(trace[0].service == 1);
    CHECK(trace[1].arrival == 1);
    CHECK(trace[1].service == 2.5);
}

TEST_CASE("what is no trace is refused with the place of what is wrong", "[arrivals]") {
    CHECK(complaint("") == "has no request in it");
    CHECK(complaint("arrival_s,service_s\n") == "has no request in it");
    CHECK(complaint("time,service_s\n1,2\n").starts_with("line 1 names no column arrival_s"));
    CHECK(complaint("arrival_s,service_s\n1\n") == "line 2 has 1 columns, the first line 2");
    CHECK(complaint("arrival_s,service_s\n1,2\n1,-2\n") ==
          "line 3 has no number of seconds in service_s: \"-2\"");
    CHECK(complaint("arrival_s,service_s\nnan,2\n").starts_with("line 2 has no number"));
    CHECK(complaint("arrival_s,service_s\n1e300,2\n").starts_with("line 2 has no number"));
}

TEST_CASE("an access log is a trace: a request came before its line was written, by what it took in all",
          "[arrivals]") {
    const auto trace =
        read_trace(record("2026-11-30T23:59:59.500Z", "default/sd", 'G', 10, 12) +
                   record("2026-12-01T00:00:05.000Z", "default/sd", 'L', 1, 1) +  // takes no slot
                   record("2026-12-01T00:00:10.000Z", "default/sd", 'G', 0, 3) +  // refused
                   record("2026-12-01T00:00:08.500Z", "default/sd", 'G', 4, 15));
    REQUIRE(trace.size() == 2);
    CHECK(trace[0].service == 10);
    CHECK(trace[1].service == 4);
    CHECK(trace[1].arrival == Approx(6));  // 23:59:53.5 after 23:59:47.5
}

TEST_CASE("of a log of several services one is chosen", "[arrivals]") {
    const auto log = record("2026-11-30T10:00:00.000Z", "default/sd", 'G', 1, 1) +
                     record("2026-11-30T10:00:02.000Z", "default/flux", 'G', 2, 2);
    CHECK(complaint(log) ==
          "has requests of several services; choose one with --service: default/flux, default/sd");
    REQUIRE(read_trace(log, "default/flux").size() == 1);
    CHECK(read_trace(log, "default/flux")[0].service == 2);
    CHECK(complaint(log, "default/none") == "has no request in it");
}

TEST_CASE("a broken line of an access log is named", "[arrivals]") {
    CHECK(complaint("{\"class\":\"G\"\n") == "line 1 is no JSON");
    CHECK(complaint("{\"class\":\"G\",\"podTime\":\"x\"}\n") == "line 1: podTime: must be a number");
    CHECK(complaint(record("2026-02-30T10:00:00.000Z", "a/b", 'G', 1, 1))
              .starts_with("line 1 has a time that is none"));
}
