#include <boost/json/parse.hpp>
#include <catch2/catch.hpp>

#include "admin/audit.hpp"
#include "world.hpp"

namespace {

using namespace admin;
using namespace std::chrono_literals;

Deed deed() {
    Deed out;
    out.who = {Who::By::token, "boss", Role::admin};
    out.peer = "10.1.2.3 port 4711";
    out.method = "PATCH";
    out.target = "/apis/serving.knative.dev/v1/namespaces/default/services/sd?fieldManager=x";
    out.content_type = "application/merge-patch+json";
    out.body = R"({"spec":{"template":{"spec":{"containers":"s3cret"}}}})";
    out.status = 200;
    return out;
}

boost::json::object read(const std::string& line) {
    return boost::json::parse(line).as_object();
}

}  // namespace

TEST_CASE("a change's line says who did what to which object, and how it ended", "[admin]") {
    CHECK(audit_line(deed(), world::noon()) ==
          R"({"time":"2026-01-01T12:00:00Z","audit":"done","by":"token","user":"boss",)"
          R"("peer":"10.1.2.3 port 4711","namespace":"default","resource":"services.serving.knative.dev",)"
          R"("name":"sd","verb":"patch","what":"spec.template.spec.containers","code":200})");
}

TEST_CASE("whatever a client calls itself, its line is one line of JSON", "[admin]") {
    auto one = deed();
    const std::string agent = "curl\r\n{\"audit\":\"done\"}\x1b[2J\x7f\xc2\x9b\xff";
    one.agent = agent;
    one.target = "/\x7f\xff";
    const auto line = audit_line(one, world::noon());
    for (const unsigned char c : line) CHECK((c >= 0x20 && c < 0x7f));
    CHECK(read(line).at("agent") == "curl\r\n{\"audit\":\"done\"}\x1b[2J\x7f\xc2\x9b\xef\xbf\xbd");
    CHECK(read(line).at("path") == "/\x7f\xef\xbf\xbd");
}

TEST_CASE("verbs are Kubernetes'", "[admin]") {
    const auto [method, type, target, verb] =
        GENERATE(table<std::string, std::string, std::string, std::string>({
            {"POST", "", "/api/v1/namespaces/a/pods", "create"},
            {"PUT", "", "/api/v1/namespaces/a/pods/b", "update"},
            {"PATCH", "application/apply-patch+yaml", "/api/v1/namespaces/a/pods/b", "apply"},
            {"DELETE", "", "/api/v1/namespaces/a/pods/b", "delete"},
            {"DELETE", "", "/api/v1/namespaces/a/pods", "deletecollection"},
        }));
    auto one = deed();
    one.method = method;
    one.content_type = type;
    one.target = target;
    const auto line = read(audit_line(one, world::noon()));
    CHECK(line.at("verb") == boost::json::value(verb));
    CHECK(line.at("resource") == "pods");
}

TEST_CASE("what is created is named by its body, and a subresource is told", "[admin]") {
    auto one = deed();
    one.method = "POST";
    one.target = "/apis/serving.knative.dev/v1/namespaces/default/services?dryRun=All";
    one.body = R"({"metadata":{"name":"new"}})";
    const auto line = read(audit_line(one, world::noon()));
    CHECK(line.at("name") == "new");
    CHECK(line.at("dryRun") == true);
    one.target = "/apis/serving.knative.dev/v1/namespaces/default/services/sd/scale";
    CHECK(read(audit_line(one, world::noon())).at("subresource") == "scale");
}

TEST_CASE("no value of what was sent is in the line", "[admin]") {
    auto one = deed();
    CHECK(audit_line(one, world::noon()).find("s3cret") == std::string::npos);
    one.content_type = "application/json-patch+json";
    one.body = R"([{"op":"add","path":"/spec/x","value":"s3cret"}])";
    const auto line = audit_line(one, world::noon());
    CHECK(line.find("s3cret") == std::string::npos);
    CHECK(read(line).at("what") == "/spec/x");
}

TEST_CASE("a refused change says so, with the answer's reason", "[admin]") {
    auto one = deed();
    one.who = {};
    one.status = 401;
    one.answer = R"({"kind":"Status","reason":"Unauthorized","message":"a token is needed"})";
    const auto line = read(audit_line(one, world::noon()));
    CHECK(line.at("audit") == "denied");
    CHECK(line.at("by") == "nobody");
    CHECK(line.at("reason") == "Unauthorized");
}

TEST_CASE("control characters and long texts cannot leave their line", "[admin]") {
    auto one = deed();
    const std::string agent = "a\r\n\x1b[31m" + std::string(5000, 'x'), target = "/" + std::string(8000, 'y');
    one.agent = agent;
    one.target = target;
    one.body = {};
    const auto line = audit_line(one, world::noon());
    CHECK(line.size() < 1000);
    CHECK(line.find_first_of("\r\n\x1b") == std::string::npos);
}

TEST_CASE("a few names tell what changes, and how many there are more", "[admin]") {
    CHECK(what_changes("application/json",
                       R"({"kind":"Service","metadata":{"name":"sd","labels":{"a":"b"}},"spec":{}})") ==
          "metadata.labels.a, spec");
    std::string many = "{";
    for (int i = 0; i < 20; ++i) many += "\"f" + std::to_string(i) + "\":1,";
    many.back() = '}';
    CHECK(what_changes("application/json", many) == "f0, f1, f2, f3, f4, f5, f6, f7 and 12 more");
    CHECK(what_changes("application/json", "no json").empty());
    std::string deep = "1";
    for (int i = 0; i < 25; ++i) deep = "{\"d\":" + deep + "}";
    CHECK(what_changes("application/json", deep).size() < 200);
}

TEST_CASE("whoever knocks at a closed door cannot fill the log, and changes are told all the same",
          "[admin]") {
    std::vector<std::string> lines;
    Audit audit([&](const std::string& line) { lines.push_back(line); });
    auto knock = deed(), change = deed();
    knock.status = 401;
    Audit::Clock::time_point now{};
    for (int i = 0; i < 1000; ++i) audit.tell(knock, now, world::noon());
    CHECK(lines.size() == Audit::burst);
    audit.tell(change, now, world::noon());
    REQUIRE(lines.size() == Audit::burst + 1);
    CHECK(read(lines.back()).at("deniedBeforeWithoutALine") == 980);
    now += 2s;
    for (int i = 0; i < 10; ++i) audit.tell(knock, now, world::noon());
    CHECK(lines.size() == Audit::burst + 3);
}
