// Lines of the gateway's own log: one line each, whatever stands in them.
#include <spdlog/details/log_msg.h>

#include <boost/json/parse.hpp>
#include <catch2/catch.hpp>

#include "cli/log_lines.hpp"

using namespace cli;
using namespace std::chrono_literals;

namespace {

std::string line(LogFormat format, std::string_view payload, const std::string& logger = "pods") {
    const spdlog::log_clock::time_point noon{1767268800s + 7ms};
    const spdlog::details::log_msg message(noon, {}, logger, spdlog::level::warn,
                                           {payload.data(), payload.size()});
    spdlog::memory_buf_t out;
    LogLines(format).format(message, out);
    return {out.data(), out.size()};
}

const std::string hostile =
    "pod\n2026-01-01T12:00:00.000Z info tls: all is well\r\x1b[2J\x07 \xc2\x9b"
    "1m \xff\xfe\"}\\ end";

}  // namespace

TEST_CASE("a line of text has its time, level and subsystem", "[log]") {
    CHECK(line(LogFormat::text, "It burns.") == "2026-01-01T12:00:00.007Z warn pods: It burns.\n");
}

TEST_CASE("a line of JSON is an object with what it is about", "[log]") {
    CHECK(
        line(LogFormat::json, "\x1e,\"pod\":\"a-1\"\x1eIt burns.") ==
        R"({"time":"2026-01-01T12:00:00.007Z","level":"warn","subsystem":"pods","message":"It burns.","pod":"a-1"})"
        "\n");
}

TEST_CASE("text leaves out what the sentence says anyway", "[log]") {
    CHECK(line(LogFormat::text, "\x1e,\"pod\":\"a-1\"\x1eIt burns.") ==
          "2026-01-01T12:00:00.007Z warn pods: It burns.\n");
}

TEST_CASE("hostile text can split or forge no line of text, nor move a terminal", "[log]") {
    const auto said = line(LogFormat::text, hostile);
    CHECK(std::ranges::count(said, '\n') == 1);
    for (const unsigned char c : said.substr(0, said.size() - 1)) CHECK((c >= 0x20 && c != 0x7f));
    CHECK(said.find("\xc2\x9b") == std::string::npos);
    CHECK(said.find("\\u000a2026") != std::string::npos);
}

TEST_CASE("hostile text is one string of one line of JSON", "[log]") {
    const auto said = line(LogFormat::json, hostile);
    CHECK(std::ranges::count(said, '\n') == 1);
    const auto object = boost::json::parse(said).as_object();
    CHECK(object.size() == 4);
    CHECK(object.at("level") == "warn");
    const std::string message(object.at("message").as_string());
    CHECK(message.starts_with("pod\n2026"));
    CHECK(message.ends_with("\xef\xbf\xbd\xef\xbf\xbd\"}\\ end"));
}

TEST_CASE("a line of the audit log is JSON already", "[log]") {
    CHECK(line(LogFormat::json, R"({"audit":"done"})", "audit") == "{\"audit\":\"done\"}\n");
    CHECK(line(LogFormat::text, R"({"audit":"done"})", "audit") ==
          "2026-01-01T12:00:00.007Z warn audit: {\"audit\":\"done\"}\n");
}

TEST_CASE("only a terminal gets colours", "[log]") {
    CHECK(line(LogFormat::coloured, "x") == "2026-01-01T12:00:00.007Z \x1b[33;1mwarn\x1b[0m pods: x\n");
}
