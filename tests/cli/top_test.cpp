#include <algorithm>
#include <boost/json/parse.hpp>
#include <catch2/catch.hpp>
#include <set>

#include "cli/top_model.hpp"
#include "cli/top_view.hpp"

using namespace cli;

namespace {

constexpr std::string_view timeline = R"({"changes":[
  {"service":"default/sd","pod":"sd-00001-0","at":100000,"state":"starting"},
  {"service":"default/sd","pod":"sd-00001-0","at":104000,"state":"idle"}],
  "generations":[{"n":1,"id":"first","client":"10.0.0.9","service":"default/sd","pod":"sd-00001-0","status":200,"total":2.5}]})";

std::string frame(std::string_view reason = "3 wanted: one pod a request", std::string_view id = "req-7") {
    return R"({"frame":1,"time":110000,"serving":true,"draining":false,"connections":3,"requests":2,"version":"0.1.0",
"services":[
 {"name":"default/sd","revision":"sd-00001","host":"sd.default.localhost","wanted":3,"ready":1,"starting":1,"waiting":2,
  "running":1,"minScale":0,"maxScale":10,"crashLooping":false,"reason":")" +
           std::string(reason) + R"(",
  "queue":[{"client":"10.0.0.1","bound":"","queue":1.5,"cold":2},{"client":"10.0.0.2","bound":"sd-00001-0","queue":0.5,"cold":0}],
  "work":[{"pod":"sd-00001-0","id":")" +
           std::string(id) + R"(","client":"10.0.0.3","seconds":4.2}]},
 {"name":"other/flux","wanted":0,"ready":0,"waiting":0,"running":0,"reason":"nothing to do","queue":[]}],
"pods":[
 {"service":"default/sd","name":"sd-00001-1","state":"starting","sessions":0,"restarts":0,"created":109000},
 {"service":"default/sd","name":"sd-00001-0","state":"busy","sessions":1,"restarts":2,"created":90000}],
"changes":[{"service":"default/sd","pod":"sd-00001-0","at":106000,"state":"busy"},
           {"service":"default/sd","pod":"sd-00001-1","at":109000,"state":"starting"}],
"generations":[],"events":[]})";
}

TopModel model() {
    TopModel out;
    out.timeline(timeline);
    REQUIRE(out.frame(frame()));
    return out;
}

std::string joined(const std::vector<std::string>& lines) {
    std::string out;
    for (const auto& line : lines) out += line + "\n";
    return out;
}

std::string seen(const TopState& state, TopLook look) {
    return joined(picture(state, look));
}

}  // namespace

TEST_CASE("frames and the timeline make one state", "[top]") {
    const auto top = model();
    REQUIRE(top.state().pods.size() == 2);
    const auto& busy = top.state().pods[0];  // by name
    CHECK(busy.name == "sd-00001-0");
    CHECK(busy.since == 106000);
    CHECK(busy.changes.size() == 3);
    REQUIRE(busy.work.size() == 1);
    CHECK(busy.work[0].id == "req-7");
    CHECK(top.state().services[0].oldest_wait() == 3.5);
    CHECK(top.state().generations.size() == 1);
}

TEST_CASE("a change that is told twice happened once", "[top]") {
    auto top = model();
    REQUIRE(top.frame(frame()));
    CHECK(top.state().pods[0].changes.size() == 3);
}

TEST_CASE("what is no frame changes nothing", "[top]") {
    auto top = model();
    for (const auto* text : {"", "{", "[]", "{}", R"({"services":1})", "null"}) CHECK_FALSE(top.frame(text));
    CHECK(top.state().pods.size() == 2);
}

TEST_CASE("fields of other types count as nothing", "[top]") {
    TopModel top;
    CHECK(top.frame(
        R"({"time":"x","services":[1,{"name":2,"wanted":"a","queue":{},"ready":1e300}],"pods":[{"name":[2]}]})"));
    CHECK(top.state().services.size() == 1);
    CHECK(top.state().pods.size() == 1);
    CHECK_FALSE(seen(top.state(), {}).empty());
}

TEST_CASE("a bar shows what a pod did, the right end is now", "[top]") {
    const auto top = model();
    CHECK(state_bar(top.state().pods[0], 110000, 6) == "..-###");
    CHECK(state_bar(top.state().pods[1], 110000, 6) == "     .");
}

TEST_CASE("a busy moment between two steps is seen", "[top]") {
    TopPod pod;
    pod.changes = {{0, "idle"}, {4100, "busy"}, {4200, "idle"}};
    CHECK(state_bar(pod, 8000, 4) == "--#-");
}

TEST_CASE("everything is said about a service", "[top]") {
    const auto text = seen(model().state(), {.width = 120, .server = "http://127.0.0.1:9901"});
    CHECK_THAT(text, Catch::Contains("pilotlight 0.1.0  00:01:50 UTC  serving  3 connections  2 requests"));
    CHECK_THAT(
        text, Catch::Contains(
                  "1 default/sd  1/3 pods ready of 0 to 10, 1 starting  1 busy  2 waiting, the oldest 3.5s"));
    CHECK_THAT(text, Catch::Contains("\n  3 wanted: one pod a request\n"));
    CHECK_THAT(text, Catch::Contains("busy     4.2s  1 session  2 restarts  req-7"));
    CHECK_THAT(text, Catch::Contains("2 other/flux"));
    CHECK_THAT(text, !Catch::Contains("10.0.0.2"));
}

TEST_CASE("the chosen service shows who waits and what ended", "[top]") {
    const auto text = seen(model().state(), {.width = 120, .service = "sd"});
    CHECK_THAT(text, Catch::Contains("10.0.0.2  for sd-00001-0"));
    CHECK_THAT(text, Catch::Contains("first  10.0.0.9"));
    CHECK_THAT(text, !Catch::Contains("flux"));
    CHECK_THAT(seen(model().state(), {.service = "nobody"}), Catch::Contains("no such service: nobody"));
}

TEST_CASE("no line is wider and no picture higher than the terminal", "[top]") {
    const auto width = GENERATE(1u, 10u, 40u, 72u, 200u);
    const auto height = GENERATE(1u, 2u, 5u, 24u);
    const auto lines = picture(model().state(), {.width = width, .height = height, .service = "sd"});
    CHECK(lines.size() <= std::max(2u, height));
    for (const auto& line : lines) CHECK(line.size() <= width);
}

TEST_CASE("at 40 columns each pod has its bar, state and time", "[top]") {
    const auto text = seen(model().state(), {.width = 40});
    CHECK_THAT(text, Catch::Contains("sd-00001-0"));
    CHECK_THAT(text, Catch::Contains("..-### busy     4.2s"));
    CHECK_THAT(text, Catch::Contains("\n  1/3 ready  1 busy  2 wait, 3.5s\n"));
}

TEST_CASE("what is left out of a low terminal is counted", "[top]") {
    const auto lines = picture(model().state(), {.width = 80, .height = 5});
    CHECK(lines.size() == 5);
    CHECK_THAT(lines[3], Catch::Contains("more lines"));
}

TEST_CASE("colours are there only if they are wished for", "[top]") {
    CHECK_THAT(seen(model().state(), {.width = 100}), !Catch::Contains("\x1b"));
    CHECK_THAT(seen(model().state(), {.width = 100, .colour = true}), Catch::Contains("\x1b[36m###\x1b[0m"));
}

TEST_CASE("no octet of a pod, a client or a sentence reaches the terminal as a command", "[top]") {
    TopModel top;
    const std::string evil = R"(\u001b]0;owned\u0007\u001b[2J\u009b31m\n\r\u202e)";
    REQUIRE(top.frame(frame(evil, evil)));
    for (const bool colour : {false, true}) {
        auto text = seen(top.state(), {.width = 200, .colour = colour, .service = ""});
        for (std::size_t at = 0;
             (at = text.find('\x1b', at)) != std::string::npos;) {  // our own, and nothing else
            const auto end = text.find('m', at);
            REQUIRE(end != std::string::npos);
            CHECK(text.substr(at + 1, end - at - 1).find_first_not_of("[0123456789") == std::string::npos);
            text.erase(at, end - at + 1);
        }
        CHECK(std::ranges::all_of(text, [](char c) { return c == '\n' || (c >= ' ' && c <= '~'); }));
    }
    const auto plain = tables(top.state(), "");
    CHECK(std::ranges::all_of(plain, [](char c) { return c == '\n' || (c >= ' ' && c <= '~'); }));
}

TEST_CASE("while the gateway is away, the last picture stays and says why", "[top]") {
    const auto text = seen(model().state(), {.width = 100, .trouble = "no gateway at http://127.0.0.1:9901"});
    CHECK_THAT(text, Catch::Contains("no gateway at"));
    CHECK_THAT(text, Catch::Contains("sd-00001-0"));
}

TEST_CASE("the tables are for scripts: a row a service, a row a pod", "[top]") {
    const auto text = tables(model().state(), "default/sd");
    CHECK_THAT(text, Catch::StartsWith(
                         "SERVICE      READY   WANTED   BUSY   QUEUE   OLDEST   REASON\n"
                         "default/sd   1       3        1      2       3.5s     3 wanted: one pod a request\n"
                         "\n"
                         "POD          STATE      FOR    SESSIONS   RESTARTS   REQUEST\n"
                         "sd-00001-0   busy       4.2s   1          2          req-7\n"
                         "sd-00001-1   starting   1.0s   0          0          -\n"));
    CHECK_THAT(tables(model().state(), "flux"), Catch::EndsWith("\nno pods\n"));
}

TEST_CASE("the fields for programs keep their names", "[top]") {
    const auto names = [](const boost::json::value& value) {
        std::set<std::string> out;
        for (const auto& field : value.as_object()) out.emplace(field.key());
        return out;
    };
    const auto whole = boost::json::parse(top_as_json(model().state(), ""));
    CHECK(names(whole) == std::set<std::string>{"time", "version", "serving", "draining", "connections",
                                                "requests", "services", "pods"});
    CHECK(names(whole.at("services").at(0)) ==
          std::set<std::string>{"name", "revision", "host", "wanted", "ready", "starting", "running",
                                "waiting", "oldestWait", "minScale", "maxScale", "crashLooping", "reason"});
    CHECK(names(whole.at("pods").at(0)) == std::set<std::string>{"name", "service", "state", "seconds",
                                                                 "sessions", "restarts", "message", "work"});
    CHECK(names(whole.at("pods").at(0).at("work").at(0)) == std::set<std::string>{"id", "client", "seconds"});
    CHECK(boost::json::parse(top_as_json(model().state(), "flux")).at("services").as_array().size() == 1);
}

TEST_CASE("keys are told from escape sequences, also in pieces", "[top]") {
    std::string octets = "\x1b[B\x1b[1;5A";
    CHECK(keys(octets) == std::vector<Pressed>{{Key::next}, {Key::before}});
    octets = "3q";
    CHECK(keys(octets) == std::vector<Pressed>{{Key::number, 3}, {Key::quit}});
    octets = "\x1b[";
    CHECK(keys(octets).empty());
    octets += "C";
    CHECK(keys(octets) == std::vector<Pressed>{{Key::next}});
    octets = "\x1b";
    CHECK(keys(octets) == std::vector<Pressed>{{Key::all}});
    CHECK(octets.empty());
}

TEST_CASE("arrows walk over the services and back to all", "[top]") {
    const auto top = model();
    const auto& state = top.state();
    CHECK(chosen(state, "", {Key::next}) == "default/sd");
    CHECK(chosen(state, "default/sd", {Key::next}) == "other/flux");
    CHECK(chosen(state, "other/flux", {Key::next}).empty());
    CHECK(chosen(state, "", {Key::before}) == "other/flux");
    CHECK(chosen(state, "sd", {Key::before}).empty());
    CHECK(chosen(state, "", {Key::number, 2}) == "other/flux");
    CHECK(chosen(state, "default/sd", {Key::number, 9}) == "default/sd");
    CHECK(chosen(state, "default/sd", {Key::all}).empty());
    CHECK(chosen({}, "", {Key::next}).empty());
}
