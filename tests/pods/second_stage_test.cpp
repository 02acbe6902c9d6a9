// What comes between a pod's open port and its first request, in virtual time.
#include "pods/second_stage.hpp"

#include <catch2/catch.hpp>

#include "pods/probe_state.hpp"

using namespace pods;
using namespace std::chrono_literals;
using Kind = ProbeKind;
using Change = ProbeChange;

namespace {

const TimePoint port_open{};
constexpr std::string_view progress = "/sdapi/v1/progress?skip_current_image=true";

Container webui(std::vector<std::string> args = {"--listen", "--api"}) {
    Container container;
    container.args = std::move(args);
    container.port = 7860;
    Probe tcp;
    tcp.action = TcpSocketAction{7860};
    tcp.period = 1s;
    container.readiness = tcp;
    return container;
}

Probe get(std::uint16_t port = 7860) {
    Probe made;
    HttpGetAction action;
    action.path = "/internal/ping";
    action.port = port;
    made.action = action;
    made.period = 1s;
    made.failure_threshold = 1000;
    return made;
}

std::optional<SecondStage> usual(const Container& container, std::string_view profile = "auto") {
    return second_stage(container, profile, {}, 3s);
}

// A pod whose port is open from `open_from` to `open_until`, and whose API is mounted from `mounted_from`.
// Probes take no time and begin when they are due.
struct Pod {
    ProbeState state;
    Duration open_from, mounted_from;
    Duration open_until = 1h;
    TimePoint now = port_open;
    std::vector<Duration> requests;  // over HTTP, that reached the open port
    std::vector<Change> changes;

    Pod(const Container& container, Duration open, Duration mounted)
        : state(container, port_open, usual(container)), open_from(open), mounted_from(mounted) {}

    std::optional<Kind> next() const {
        std::optional<Kind> first;
        for (const auto kind : all_probe_kinds)
            if (state.due(kind) && (!first || *state.due(kind) < *state.due(*first))) first = kind;
        return first;
    }
    bool answers(Kind kind) {
        const bool is_open = now - port_open >= open_from && now - port_open < open_until;
        if (!is_open) return false;
        if (!std::holds_alternative<HttpGetAction>(state.attempt(kind, now).action)) return true;
        requests.push_back(now - port_open);
        return now - port_open >= mounted_from;
    }
    // Until it is ready or unhealthy for the `count`th time; or until `limit`.
    Change run(Duration limit) {
        while (const auto kind = next()) {
            if (*state.due(*kind) > port_open + limit) break;
            now = std::max(now, *state.due(*kind));
            state.begin(*kind, now);
            const bool passes = answers(*kind);
            if (const auto change = state.end(*kind, passes, now); change != Change::none) {
                changes.push_back(change);
                return change;
            }
        }
        return Change::none;
    }
    Duration elapsed() const { return now - port_open; }
};

}  // namespace

TEST_CASE("a bare tcpSocket probe gets a second stage by the profile", "[second stage]") {
    REQUIRE(usual(webui()));
    CHECK(usual(webui())->path == progress);
    CHECK(usual(webui())->silence == 3s);
    CHECK(usual(webui())->window == 30s);
    CHECK(usual(webui(), "stable-diffusion") == usual(webui()));
    REQUIRE(usual(webui(), "comfyui"));
    CHECK(usual(webui(), "comfyui")->path == "/system_stats");
    CHECK(usual(webui(), "comfyui")->silence == 0s);
    REQUIRE(usual(webui(), "gradio"));
    CHECK(usual(webui(), "gradio")->path == "/config");
    CHECK_FALSE(usual(webui(), "strict"));
}

TEST_CASE("no readiness probe at all is a bare one", "[second stage]") {
    auto container = webui();
    container.readiness.reset();
    CHECK(usual(container));
}

TEST_CASE("a readiness probe that asks more than the port makes a second stage needless", "[second stage]") {
    auto container = webui();
    container.readiness = get();
    CHECK_FALSE(usual(container));
    container.readiness->action = ExecAction{{"true"}};
    CHECK_FALSE(usual(container));
}

TEST_CASE("with --nowebui the port opens last and is enough", "[second stage]") {
    CHECK_FALSE(usual(webui({"--api", "--nowebui"})));
    CHECK_FALSE(usual(webui({"-c", "python3 launch.py --nowebui --listen"})));
    auto container = webui();
    container.env = {{"COMMANDLINE_ARGS", "--nowebui --api"}};
    CHECK_FALSE(usual(container));
    CHECK(usual(webui({"--nowebui-at-all"})));
}

TEST_CASE("a pod that never says --api may mount none, and is waited for less long", "[second stage]") {
    CHECK(usual(webui({"--listen", "--api-log"}))->window == 10s);
    auto container = webui({});
    container.env = {{"COMMANDLINE_ARGS", "--listen --api"}};
    CHECK(usual(container)->window == 30s);
}

TEST_CASE("the silence is the annotation's, else the gateway's, and 0 s is no second stage",
          "[second stage]") {
    CHECK(second_stage(webui(), "auto", 7s, 3s)->silence == 7s);
    CHECK(second_stage(webui(), "comfyui", 7s, 3s)->silence == 7s);
    CHECK_FALSE(second_stage(webui(), "auto", 0s, 3s));
    CHECK_FALSE(second_stage(webui(), "auto", {}, 0s));
    CHECK(second_stage(webui(), "auto", 1s, 0s));
}

TEST_CASE("not mounted is exactly one answer", "[second stage]") {
    const std::string_view body = R"({"detail":"Not Found"})";
    CHECK(is_not_mounted(404, false, body));
    CHECK_FALSE(is_not_mounted(404, true, body));
    CHECK_FALSE(is_not_mounted(404, false, R"({"detail":"Model not found"})"));
    CHECK_FALSE(is_not_mounted(200, false, body));
    CHECK_FALSE(is_not_mounted(401, false, ""));
}

TEST_CASE("after the port opens not one request comes for the silence, then one a second until it is mounted",
          "[second stage]") {
    Pod pod(webui(), 20s, 24500ms);
    REQUIRE(pod.run(1h) == Change::ready);
    CHECK(pod.requests == std::vector<Duration>{23s, 24s, 25s});
    CHECK(pod.elapsed() == 25s);
    CHECK_FALSE(pod.state.has_given_up());
}

TEST_CASE("a pod that is mounted within the silence is ready at its end", "[second stage]") {
    Pod pod(webui(), 20s, 20s);
    REQUIRE(pod.run(1h) == Change::ready);
    CHECK(pod.elapsed() == 23s);
    CHECK(pod.requests.size() == 1);
}

TEST_CASE("after its window a pod is ready whatever it answers, and that is known", "[second stage]") {
    Pod pod(webui(), 20s, 1h);
    REQUIRE(pod.run(10min) == Change::ready);
    CHECK(pod.elapsed() == 50s);
    CHECK(pod.state.has_given_up());
    CHECK(pod.state.is_ready());
}

TEST_CASE("a question of the second stage does not outlast the window", "[second stage]") {
    Pod pod(webui(), 0s, 1h);
    REQUIRE(pod.run(28s) == Change::none);
    CHECK(pod.state.attempt(Kind::mounting, port_open + 3s).timeout == 5s);
    CHECK(pod.state.attempt(Kind::mounting, port_open + 28s).timeout == 2s);
    CHECK(pod.state.attempt(Kind::mounting, port_open + 30s).timeout == 1s);
}

TEST_CASE("once ready a pod is only connected to", "[second stage]") {
    Pod pod(webui(), 5s, 5s);
    REQUIRE(pod.run(1min) == Change::ready);
    CHECK(pod.run(2min) == Change::none);
    CHECK(pod.requests.size() == 1);
}

TEST_CASE("a port that closes and opens again begins with silence again", "[second stage]") {
    Pod pod(webui(), 5s, 5s);
    REQUIRE(pod.run(1min) == Change::ready);
    pod.open_until = pod.elapsed();
    REQUIRE(pod.run(1min) == Change::unready);
    pod.open_from = 30s;
    pod.open_until = 1h;
    pod.requests.clear();
    REQUIRE(pod.run(1min) == Change::ready);
    REQUIRE(pod.requests.size() == 1);
    CHECK(pod.requests[0] >= 33s);
}

TEST_CASE("a port that closes within the silence starts it anew", "[second stage]") {
    Pod pod(webui(), 5s, 5s);
    REQUIRE(pod.run(6s) == Change::none);
    pod.open_from = 10s;
    REQUIRE(pod.run(1min) == Change::ready);
    REQUIRE(pod.requests.size() == 1);
    CHECK(pod.requests[0] >= 13s);
}

TEST_CASE("a benched pod that still listens need not pass the second stage again", "[second stage]") {
    Pod pod(webui(), 5s, 5s);
    REQUIRE(pod.run(1min) == Change::ready);
    pod.state.recheck(pod.now);
    pod.requests.clear();
    REQUIRE(pod.run(1min) == Change::ready);
    CHECK(pod.requests.empty());
}

TEST_CASE("a startup probe over HTTP keeps the silence, and still gives up on a port that never opens",
          "[second stage]") {
    auto container = webui();
    container.startup = get();
    Pod pod(container, 20s, 24500ms);
    REQUIRE(pod.run(1h) == Change::ready);
    CHECK(pod.requests.front() == 23s);
    for (std::size_t i = 1; i < pod.requests.size() - 1; ++i)
        CHECK(pod.requests[i] - pod.requests[i - 1] >= 1s);

    container.startup->failure_threshold = 5;
    Pod dead(container, 1h, 1h);
    CHECK(dead.run(10min) == Change::unhealthy);
    CHECK(dead.elapsed() == 4s);
}

TEST_CASE("a liveness probe over HTTP keeps the silence", "[second stage]") {
    auto container = webui();
    container.liveness = get();
    Pod pod(container, 20s, 20s);
    REQUIRE(pod.run(1h) == Change::ready);
    CHECK(pod.requests.front() == 23s);
    CHECK(pod.run(30s) == Change::none);
    CHECK(pod.requests.size() > 5);
}

TEST_CASE("a probe of another port than the pod's own is let be", "[second stage]") {
    auto container = webui();
    container.startup = get(9000);
    ProbeState state(container, port_open, usual(container));
    state.begin(Kind::startup, port_open);
    CHECK(std::holds_alternative<HttpGetAction>(state.attempt(Kind::startup, port_open).action));
    state.end(Kind::startup, false, port_open);
    CHECK(*state.due(Kind::startup) == port_open + eager_http_interval);
}
