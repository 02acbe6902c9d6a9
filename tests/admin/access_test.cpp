#include <catch2/catch.hpp>

#include "admin/access.hpp"
#include "admin/entry.hpp"
#include "proxy/access/hash.hpp"

namespace {

using namespace admin;
using namespace std::chrono_literals;

const std::string reader = "plk_reader-reader-reader-reader-reader",
                  boss = "plk_boss-boss-boss-boss-boss-boss";
const Sessions::Clock::time_point start{};

Guard guarded() {
    Guard out;
    out.access.tokens = {{"ci", Role::read, proxy::sha256(reader)},
                         {"boss", Role::admin, proxy::sha256(boss)}};
    return out;
}

Entry asks(std::string_view method, std::string_view path, const std::string& authorization = {},
           std::string_view cookie = {}) {
    Entry entry;
    entry.method = method;
    entry.path = path;
    entry.host = "127.0.0.1:9901";
    entry.claims = claims_of(authorization, authorization.empty() ? 0 : 1, cookie);
    return entry;
}

// 200: let in.
int outcome(const Guard& guard, Sessions& sessions, const Entry& entry,
            Sessions::Clock::time_point now = start) {
    const auto entered = enter(guard, sessions, entry, now);
    return entered.instead ? entered.instead->status : 200;
}
int outcome(const Guard& guard, const Entry& entry) {
    Sessions sessions;
    return outcome(guard, sessions, entry);
}

std::string cookie_of(const Answer& answer) {
    for (const auto& [name, value] : answer.fields)
        if (name == "Set-Cookie") return value.substr(0, value.find(';'));
    return {};
}

Entry with_certificate(std::string_view method, const std::string& name) {
    auto entry = asks(method, "/api/v1/pods");
    entry.claims.certificate = name;
    return entry;
}

}  // namespace

TEST_CASE("without tokens and certificates whoever reaches the address may do everything", "[admin]") {
    CHECK(outcome(Guard{}, asks("GET", "/api/v1/pods")) == 200);
    CHECK(outcome(Guard{}, asks("DELETE", "/api/v1/pods")) == 200);
}

TEST_CASE("with tokens everything but probes and the page asks for one", "[admin]") {
    const auto path = GENERATE(as<std::string>(), "/api/v1/pods", "/metrics", "/dashboard/stream",
                               "/dashboard/history", "/livez/", "/dashboard/app.js.map", "/apis");
    CAPTURE(path);
    CHECK(outcome(guarded(), asks("GET", path)) == 401);
    CHECK(outcome(guarded(), asks("GET", path, "Bearer " + reader)) == 200);
    for (const auto* open : {"/livez", "/readyz", "/healthz", "/", "/dashboard/app.js"}) {
        CHECK(outcome(guarded(), asks("GET", open)) == 200);
        CHECK(outcome(guarded(), asks("POST", open)) == 401);
    }
}

TEST_CASE("metrics may be left open, and nothing else is by that", "[admin]") {
    auto guard = guarded();
    guard.access.metrics_open = true;
    CHECK(outcome(guard, asks("GET", "/metrics")) == 200);
    CHECK(outcome(guard, asks("GET", "/api/v1/pods")) == 401);
}

TEST_CASE("a token that may read changes nothing", "[admin]") {
    Sessions sessions;
    const auto entered =
        enter(guarded(), sessions, asks("DELETE", "/api/v1/pods", "Bearer " + reader), start);
    REQUIRE(entered.instead);
    CHECK(entered.instead->status == 403);
    CHECK(entered.instead->body.find(R"(token \"ci\" may only read)") != std::string::npos);
    CHECK(entered.who.name == "ci");
    CHECK(outcome(guarded(), asks("DELETE", "/api/v1/pods", "Bearer " + boss)) == 200);
}

TEST_CASE("only a whole and right token is one", "[admin]") {
    const auto wrong = GENERATE_REF(as<std::string>(), "Bearer " + reader + "x", "Bearer ", "Bearer", reader,
                                    "Basic " + reader, "Bearer " + reader.substr(1), "Basic !!!",
                                    "Basic Ym9zczpwbGtfcmVhZGVy");
    CAPTURE(wrong);
    CHECK(outcome(guarded(), asks("GET", "/api/v1/pods", wrong)) == 401);
}

TEST_CASE("schemes are of any case, and Basic carries the token as its password", "[admin]") {
    CHECK(outcome(guarded(), asks("GET", "/api", "bearer  " + reader)) == 200);
    // ci:plk_reader-..., boss:plk_reader-...
    CHECK(outcome(guarded(), asks("GET", "/api",
                                  "Basic Y2k6cGxrX3JlYWRlci1yZWFkZXItcmVhZGVyLXJlYWRlci1yZWFkZXI=")) == 200);
    CHECK(outcome(guarded(), asks("GET", "/api",
                                  "Basic Ym9zczpwbGtfcmVhZGVyLXJlYWRlci1yZWFkZXItcmVhZGVyLXJlYWRlcg==")) ==
          401);
}

TEST_CASE("of two Authorization fields neither is believed", "[admin]") {
    auto entry = asks("GET", "/api/v1/pods");
    entry.claims = claims_of("Bearer " + boss, 2, "");
    CHECK(outcome(guarded(), entry) == 401);
}

TEST_CASE("a wrong token is wrong though a certificate is right", "[admin]") {
    auto guard = guarded();
    guard.access.certificates = true;
    auto entry = with_certificate("GET", "anna");
    CHECK(outcome(guard, entry) == 200);
    entry.claims.authorization = true;
    CHECK(outcome(guard, entry) == 401);
}

TEST_CASE("who is named in admins may change things with a certificate, others read", "[admin]") {
    Guard guard;
    CHECK_FALSE(guard.access.certificates);
    guard.access.certificates = true;
    guard.access.admins = {"anna"};
    CHECK(outcome(guard, with_certificate("PUT", "anna")) == 200);
    CHECK(outcome(guard, with_certificate("GET", "carl")) == 200);
    CHECK(outcome(guard, with_certificate("PUT", "carl")) == 403);
    CHECK(outcome(guard, asks("GET", "/api/v1/pods")) == 401);
}

TEST_CASE("a session shows everything and changes nothing, whoever began it", "[admin]") {
    Sessions sessions;
    const auto entered =
        enter(guarded(), sessions, asks("POST", "/dashboard/login", "Bearer " + boss), start);
    REQUIRE(entered.instead);
    REQUIRE(entered.instead->status == 200);
    CHECK(entered.who.name == "boss");
    const auto cookie = cookie_of(*entered.instead);
    CHECK(outcome(guarded(), sessions, asks("GET", "/dashboard/stream", "", cookie)) == 200);
    CHECK(outcome(guarded(), sessions, asks("DELETE", "/api/v1/pods", "", cookie)) == 403);
    CHECK(outcome(guarded(), sessions, asks("GET", "/dashboard/stream", "", cookie + "0")) == 401);
    CHECK(outcome(guarded(), sessions, asks("GET", "/dashboard/stream", "", cookie), start + 12h) == 401);
}

TEST_CASE("a session ends with its token, and by logging out", "[admin]") {
    Sessions sessions;
    const auto log_in = [&] {
        return cookie_of(
            *enter(guarded(), sessions, asks("POST", "/dashboard/login", "Bearer " + boss), start).instead);
    };
    const auto one = log_in(), other = log_in();
    CHECK(one != other);
    auto changed = guarded();
    changed.access.tokens[1].digest = proxy::sha256("another");
    CHECK(outcome(changed, sessions, asks("GET", "/api", "", one)) == 401);
    changed.access.tokens.pop_back();
    CHECK(outcome(changed, sessions, asks("GET", "/api", "", one)) == 401);
    enter(guarded(), sessions, asks("POST", "/dashboard/logout", "", one), start);
    CHECK(outcome(guarded(), sessions, asks("GET", "/api", "", one)) == 401);
    CHECK(outcome(guarded(), sessions, asks("GET", "/api", "", other)) == 200);
}

TEST_CASE("sessions are bounded: the oldest goes", "[admin]") {
    Sessions sessions;
    const auto guard = guarded();
    const auto first = sessions.begin(guard.access.tokens[0], start);
    for (std::size_t i = 1; i < Sessions::most; ++i) sessions.begin(guard.access.tokens[0], start);
    CHECK(sessions.find(first, guard.access, start) != nullptr);
    sessions.begin(guard.access.tokens[0], start);
    CHECK(sessions.size() == Sessions::most);
    CHECK(sessions.find(first, guard.access, start) == nullptr);
}

TEST_CASE("nobody logs in with a wrong token", "[admin]") {
    Sessions sessions;
    CHECK(outcome(guarded(), sessions, asks("POST", "/dashboard/login", "Bearer nonsense")) == 401);
    CHECK(outcome(guarded(), sessions, asks("POST", "/dashboard/login")) == 401);
    CHECK(sessions.size() == 0);
}

TEST_CASE("a page of another origin changes nothing, with a token or without", "[admin]") {
    const auto [origin, site, status] = GENERATE(table<std::string, std::string, int>({
        {"http://127.0.0.1:9901", "same-origin", 200},
        {"HTTP://127.0.0.1:9901", "", 200},
        {"", "", 200},
        {"", "none", 200},
        {"http://127.0.0.1:8080", "", 403},
        {"https://127.0.0.1:9901", "", 403},
        {"http://evil.example", "", 403},
        {"null", "", 403},
        {"", "cross-site", 403},
        {"http://127.0.0.1:9901", "same-site", 403},
    }));
    CAPTURE(origin, site);
    auto entry = asks("POST", "/api/v1/pods");
    entry.origin = origin;
    entry.site = site;
    CHECK(outcome(Guard{}, entry) == status);
    entry.claims = claims_of("Bearer " + boss, 1, "");
    CHECK(outcome(guarded(), entry) == status);
}

TEST_CASE("a refusal says which scheme to use, in no words that make a browser ask", "[admin]") {
    Sessions sessions;
    const auto entered = enter(guarded(), sessions, asks("GET", "/api/v1/pods"), start);
    REQUIRE(entered.instead);
    CHECK(entered.instead->fields == std::vector<std::pair<std::string, std::string>>{
                                         {"WWW-Authenticate", "Bearer realm=\"pilotlight\""}});
    CHECK(entered.instead->body.find("\"kind\":\"Status\"") != std::string::npos);
}
