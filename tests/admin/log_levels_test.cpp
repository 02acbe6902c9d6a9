// /logging of the admin address.
#include <spdlog/logger.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <catch2/catch.hpp>

#include "admin/log_levels.hpp"
#include "proxy/log.hpp"

using namespace admin;
namespace json = boost::json;

namespace {

Request change(std::string method, std::string body, std::string type = "application/json") {
    return {std::move(method), "/logging", "application/json", std::move(type), std::move(body)};
}

// Its status and what it says.
std::pair<int, std::string> wrong_of(const Request& request) {
    const auto read = read_level_changes(request);
    const auto* answer = std::get_if<Answer>(&read);
    if (answer == nullptr) return {200, ""};
    return {answer->status, std::string(json::parse(answer->body).at("message").as_string())};
}

LevelChanges changes_of(const Request& request) {
    return std::get<LevelChanges>(read_level_changes(request));
}

json::value shown() {
    return json::parse(log_levels({"GET", "/logging", "application/json"})->body);
}

}  // namespace

TEST_CASE("a PATCH names what changes", "[admin][log]") {
    CHECK(changes_of(change("PATCH", R"({"levels":{"pods":"debug","tls":null}})",
                            "application/merge-patch+json; charset=utf-8")) ==
          LevelChanges{{"pods", "debug"}, {"tls", std::nullopt}});
}

TEST_CASE("a PUT names all that is set by hand", "[admin][log]") {
    const auto changes = changes_of(change("PUT", R"({"levels":{"pods":"debug"}})"));
    CHECK(changes.size() == manifest::log_subsystems.size());
    CHECK(changes.at("pods") == "debug");
    CHECK(changes.at("proxy") == std::nullopt);
}

TEST_CASE("what is wrong with a change of levels is said in full", "[admin][log]") {
    const auto [body, status, message] = GENERATE(table<std::string, int, std::string>({
        {"{", 400, "the body is no JSON: incomplete JSON"},
        {"[]", 400, R"(the body must be as in {"levels": {"pods": "debug"}}; null: as the manifest says)"},
        {R"({"levels":[]})", 400,
         R"(the body must be as in {"levels": {"pods": "debug"}}; null: as the manifest says)"},
        {R"({"levels":{"pod":"debug"}})", 422,
         R"(levels: "pod" is no subsystem; they are proxy, scaler, pods, admin, tls, config, trace)"},
        {R"({"levels":{"pods":"loud\n"}})", 422,
         R"(levels.pods: must be trace, debug, info, warn, error, off, or null for what the manifest says, not "loud\u000a")"},
        {R"({"levels":{"pods":3}})", 422,
         "levels.pods: must be trace, debug, info, warn, error, off, or null for what the manifest says, not "
         "this"},
        {R"({"levels":{},"level":"debug"})", 422, R"("level" is no field of this; levels is)"},
    }));
    CHECK(wrong_of(change("PUT", body)) == std::pair(status, message));
}

TEST_CASE("a change of levels is JSON, and small", "[admin][log]") {
    CHECK(wrong_of(change("PUT", "{}", "application/x-www-form-urlencoded")).first == 415);
    CHECK(wrong_of(change("PATCH", "{}", "")).first == 415);
    CHECK(wrong_of(change("PUT", std::string(5000, ' '))).first == 413);
}

TEST_CASE("levels that were set by hand are shown with how long they hold, and can be taken back",
          "[admin][log]") {
    proxy::set_log_levels({});
    CHECK(json::serialize(shown().at("setByHand")) == "[]");
    CHECK(shown().at("levels").at("pods") == "info");
    const auto answer = log_levels(change("PATCH", R"({"levels":{"pods":"debug"}})"));
    REQUIRE(answer->status == 200);
    const auto now = json::parse(answer->body);
    CHECK(now == shown());
    CHECK(now.at("levels").at("pods") == "debug");
    CHECK(json::serialize(now.at("setByHand")) == R"(["pods"])");
    CHECK(now.at("until") == "the next reload (SIGHUP), restart or upgrade");
    CHECK(log_levels(change("PUT", answer->body))->status == 200);  // all of them, as they were
    log_levels(change("PUT", R"({"levels":{}})"));
    CHECK(json::serialize(shown().at("setByHand")) == "[]");
}

TEST_CASE("a wrong change changes nothing", "[admin][log]") {
    proxy::set_log_levels({});
    CHECK(log_levels(change("PATCH", R"({"levels":{"pods":"debug","tls":"loud"}})"))->status == 422);
    CHECK(shown().at("levels").at("pods") == "info");
}

TEST_CASE("the levels are at one path, and are neither made nor deleted", "[admin][log]") {
    CHECK_FALSE(log_levels({"GET", "/loggings", ""}));
    CHECK(log_levels({"GET", "/logging?x=y", ""})->status == 200);
    CHECK(log_levels({"DELETE", "/logging", ""})->status == 405);
    CHECK(log_levels({"POST", "/logging", ""})->status == 405);
}
