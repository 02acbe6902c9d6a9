// Which rule decides, in each profile, however the request is spelt.
#include "router/rules.hpp"

#include <catch2/catch.hpp>
#include <chrono>
#include <string>
#include <vector>

using namespace router;

namespace {

std::shared_ptr<const Rules> rules_of(Profile profile, const std::vector<std::string>& user_rules = {}) {
    std::vector<UserRule> lines;
    for (const auto& rule : user_rules) lines.push_back({rule, "a.yaml:" + std::to_string(lines.size() + 1)});
    const auto made = Rules::make(profile, lines);
    CAPTURE(made.errors);
    REQUIRE(made.rules);
    return made.rules;
}

struct Case {
    std::string expected;  // the class, and the other words of the rule that count
    std::string method, path, accept = {};
};

std::string words_of(const Classified& c) {
    std::string words(1, letter(c.what));
    if (c.until != Until::answer) words += " until";
    if (c.towards == Towards::busy) words += " busy";
    if (c.towards == Towards::owner) words += " owner";
    if (c.towards == Towards::seek) words += " seek";
    if (c.task_only) words += " task";
    return words;
}

Classified ask(const Rules& rules, const std::string& method, const std::string& path,
               const std::string& accept = {}) {
    if (method == "WS") return rules.classify({"GET", path, {}, accept, true, false});
    return rules.classify({method, path, {}, accept, false, false});
}

void check(Profile profile, const std::vector<Case>& cases) {
    const auto rules = rules_of(profile);
    for (const auto& [expected, method, path, accept] : cases) {
        CAPTURE(name_of(profile), method, path, accept);
        const auto classified = ask(*rules, method, path, accept);
        CAPTURE(std::string(classified.rule));
        CHECK(words_of(classified) == expected);
        CHECK(classified.rule == rules->all()[classified.number].text);
    }
}

const std::string page = "text/html,application/xhtml+xml,*/*;q=0.8", events = "text/event-stream";

}  // namespace

TEST_CASE("every profile has rules, and each of their lines is right", "[rules]") {
    for (const auto profile : {Profile::automatic, Profile::stable_diffusion, Profile::comfyui,
                               Profile::gradio, Profile::strict}) {
        const auto made = Rules::make(profile);
        CHECK(made.errors == std::vector<std::string>{});
        REQUIRE(made.rules);
        CHECK(made.rules->all().back().text == "* /** G");
        CHECK(profile_named(name_of(profile)) == profile);
    }
    CHECK(!profile_named("a1111"));
}

TEST_CASE("AUTOMATIC1111's API: what takes the GPU takes a slot, and what could end the pod is denied",
          "[rules]") {
    const auto profile = GENERATE(Profile::automatic, Profile::stable_diffusion);
    check(profile, {
                       {"G", "POST", "/sdapi/v1/txt2img"},
                       {"G", "POST", "/sdapi/v1/img2img", page},
                       {"G", "POST", "/sdapi/v1/extra-batch-images"},
                       {"G", "POST", "/sdapi/v1/interrogate"},
                       {"G", "POST", "/sdapi/v1/options"},  // loads a checkpoint
                       {"L", "GET", "/sdapi/v1/options"},
                       {"G", "POST", "/sdapi/v1/refresh-vae"},
                       {"G", "POST", "/sdapi/v1/create/embedding"},
                       {"G", "POST", "/sdapi/v1/train/hypernetwork"},
                       {"G", "POST", "/controlnet/detect"},
                       {"L", "POST", "/sdapi/v1/png-info"},
                       {"L busy", "GET", "/sdapi/v1/progress"},
                       {"L busy", "HEAD", "/sdapi/v1/progress"},
                       {"L busy", "POST", "/internal/progress"},
                       {"L owner", "POST", "/sdapi/v1/interrupt"},
                       {"L owner", "POST", "/sdapi/v1/skip"},
                       {"D", "POST", "/sdapi/v1/server-kill"},
                       {"D", "POST", "/sdapi/v1/server-restart"},
                       {"D", "POST", "/sdapi/v1/server-stop"},
                       {"D", "POST", "/sdapi/v1/shutdown"},
                       {"L", "GET", "/internal/ping", page},
                       {"L", "OPTIONS", "/sdapi/v1/txt2img"},
                       {"G", "PUT", "/sdapi/v1/txt2img"},
                       {"G", "POST", "/v1/images/generations"},
                       {"J until", "POST", "/sdcpp/v1/img_gen"},
                       {"L", "GET", "/sdcpp/v1/jobs/7"},
                       {"L owner", "POST", "/sdcpp/v1/jobs/7/cancel"},
                   });
}

TEST_CASE("the WebUI's page: only what has a task takes a slot", "[rules]") {
    check(Profile::stable_diffusion, {
                                         {"W task", "WS", "/queue/join"},
                                         {"J until task", "POST", "/queue/join"},
                                         {"J until task", "POST", "/gradio_api/queue/join"},
                                         {"G task", "POST", "/run/predict"},
                                         {"G task", "POST", "/run/predict/"},
                                         {"G task", "POST", "/api/predict"},
                                         {"L", "POST", "/upload"},
                                         {"L", "POST", "/login"},
                                         {"L", "POST", "/reset"},
                                     });
}

TEST_CASE("Gradio: its queue is a job, its streams hold nothing", "[rules]") {
    const std::vector<Case> cases{
        {"J until", "POST", "/gradio_api/queue/join"},
        {"J until", "POST", "/queue/join"},
        {"J until", "POST", "/gradio_api/call/predict"},
        {"S", "GET", "/gradio_api/queue/data"},
        {"S", "GET", "/gradio_api/call/predict/0a1b"},
        {"S", "GET", "/gradio_api/heartbeat/xyz"},
        {"S", "GET", "/heartbeat/xyz"},
        {"S", "GET", "/gradio_api/stream/a/b/playlist.m3u8"},
        {"L owner", "POST", "/gradio_api/cancel"},
        {"L", "POST", "/gradio_api/component_server/"},
        {"L seek", "GET", "/gradio_api/file=/tmp/gradio/a.png"},
        {"N", "GET", "/gradio_api/config"},
    };
    check(Profile::automatic, cases);
    check(Profile::gradio, cases);
    check(Profile::gradio,
          {{"W", "WS", "/queue/join"}, {"G", "POST", "/run/predict"}, {"G", "POST", "/gradio_api/run/x"}});
    check(Profile::automatic, {{"W task", "WS", "/queue/join"}, {"G task", "POST", "/run/predict"}});
}

TEST_CASE("a mounted Gradio app may post to itself while it works", "[rules]") {
    const auto rules = rules_of(GENERATE(Profile::automatic, Profile::stable_diffusion, Profile::gradio));
    CHECK(rules->classify({"POST", "/api/predict", {}, {}, false, true}).what == Class::light);
    CHECK(rules->classify({"POST", "/api/predict", {}, {}, false, false}).what == Class::generation);
    CHECK(rules->classify({"POST", "/run/predict", {}, {}, false, true}).what == Class::generation);
}

TEST_CASE("ComfyUI: a prompt is a job, the socket holds nothing, also behind /api", "[rules]") {
    const std::vector<Case> cases{
        {"J until", "POST", "/prompt"},
        {"J until", "POST", "/api/prompt"},
        {"L", "GET", "/prompt"},
        {"S", "WS", "/ws"},
        {"S", "WS", "/api/ws"},
        {"L owner", "POST", "/interrupt"},
        {"L owner", "POST", "/api/interrupt"},
        {"L owner", "POST", "/queue"},
        {"L busy", "GET", "/queue"},
        {"L busy", "GET", "/api/queue"},
        {"L seek", "GET", "/view"},
        {"L seek", "GET", "/api/history/0a1b"},
        {"L", "POST", "/history"},
        {"L", "POST", "/upload/image"},
        {"L", "POST", "/api/free"},
        {"L", "POST", "/userdata/workflows%2Fa.json"},
        {"L", "GET", "/object_info"},
        {"L", "DELETE", "/userdata/a"},
        {"L owner", "POST", "/api/jobs/7/cancel"},
        {"D", "POST", "/manager/reboot"},
        {"D", "GET", "/manager/reboot"},
        {"D", "POST", "/api/v2/manager/reboot"},
        {"D", "POST", "/customnode/install"},
        {"L", "GET", "/customnode/getlist"},
    };
    check(Profile::automatic, cases);
    check(Profile::comfyui, cases);
}

TEST_CASE("InvokeAI: a batch is a job, its socket.io holds nothing, its cancel waits for nothing",
          "[rules]") {
    check(Profile::automatic, {
                                  {"J until", "POST", "/api/v1/queue/default/enqueue_batch"},
                                  {"L owner", "PUT", "/api/v1/queue/default/i/7/cancel"},
                                  {"L", "POST", "/api/v1/images/upload"},
                                  {"S", "WS", "/ws/socket.io/"},
                                  {"S", "GET", "/ws/socket.io/"},
                                  {"S", "POST", "/ws/socket.io"},
                              });
}

TEST_CASE("whatever no rule names: pages may wake a pod, assets not, the rest takes a slot", "[rules]") {
    const auto profile =
        GENERATE(Profile::automatic, Profile::stable_diffusion, Profile::comfyui, Profile::gradio);
    check(profile, {
                       {"N", "GET", "/"},
                       {"N", "HEAD", "/"},
                       {"N", "GET", "/config"},
                       {"N", "GET", "/docs"},
                       {"N", "GET", "/some/page", page},
                       {"N", "GET", ""},
                       {"L", "GET", "/some/asset.js", "*/*"},
                       {"L", "OPTIONS", "*"},
                       {"L", "OPTIONS", "/x"},
                       {"S", "GET", "/my/events", events},
                       {"S", "WS", "/my/socket"},
                       {"G", "POST", "/"},
                       {"G", "POST", ""},
                       {"G", "DELETE", "/anything"},
                       {"G", "BREW", "/pot"},
                       {"G", "get", "/"},  // methods have a case
                   });
}

TEST_CASE("strict is plain Knative: everything takes a slot, sockets too", "[rules]") {
    check(Profile::strict, {{"G", "GET", "/", page},
                            {"G", "GET", "/internal/ping"},
                            {"G", "WS", "/queue/join"},
                            {"G", "POST", "/sdapi/v1/server-kill"},
                            {"G", "OPTIONS", "*"},
                            {"G", "GET", "/e", events}});
}

TEST_CASE("another spelling of a path does not get round its rule", "[rules]") {
    const auto rules = rules_of(GENERATE(Profile::automatic, Profile::stable_diffusion));
    for (const std::string path :
         {"/sdapi/v1/server%2Dkill", "/sdapi/v1/server%2dkill", "/%73dapi/v1/server-kill",
          "/sdapi/v1/%73hutdown", "/sdapi%2Fv1%2fshutdow%6E", "//sdapi/v1/shutdown", "/sdapi//v1///shutdown",
          "/sdapi/v1/shutdown/", "/sdapi/v1/./shutdown", "/x/../sdapi/v1/shutdown",
          "/%2e%2E/sdapi/v1/shutdown", "/sdapi/v1/x/%2e%2e/shutdown", "/sdapi/v1/shutdown/%2e",
          "/../../sdapi/v1/shutdown", "/file=a/../sdapi/v1/shutdown", "sdapi/v1/shutdown"}) {
        CAPTURE(path);
        CHECK(ask(*rules, "POST", path).what == Class::denied);
        CHECK(ask(*rules, "post", path).what == Class::denied);
    }
}

// Python's `$` matches before a last line feed, and starlette's patterns end with it.
TEST_CASE("a line feed at a path's end does not get round its rule", "[rules]") {
    const auto rules = rules_of(Profile::automatic);
    CHECK(ask(*rules, "POST", "/sdapi/v1/server-kill%0A").what == Class::denied);
    CHECK(ask(*rules, "POST", "/sdapi/v1/txt2img%0a").what == Class::generation);
    CHECK(ask(*rules, "POST", "/queue/join%0A").what == Class::job);
}

// A framework that does not walk dots takes them for a queue's name.
TEST_CASE("dots do not get round a slot, whether the pod walks them or not", "[rules]") {
    const auto rules = rules_of(Profile::automatic, {"POST /admin/*/wipe D", "POST /admin/** L"});
    for (const std::string dots : {"..", ".", "%2e%2E"}) {
        CAPTURE(dots);
        CHECK(ask(*rules, "POST", "/api/v1/queue/" + dots + "/enqueue_batch").what == Class::job);
        CHECK(ask(*rules, "POST", "/admin/" + dots + "/wipe").what == Class::denied);
    }
    CHECK(ask(*rules, "POST", "/x/../sdapi/v1/options").what == Class::generation);
    CHECK(ask(*rules, "GET", "/x/../assets/./a.js").what == Class::light);
}

TEST_CASE("an Upgrade that the pod may ignore gets round neither a slot nor a denial", "[rules]") {
    const auto rules = rules_of(Profile::automatic, {"GET /secret/** D", "GET /render G", "GET /status L"});
    CHECK(ask(*rules, "WS", "/render").what == Class::generation);
    CHECK(ask(*rules, "WS", "/status").what == Class::stream);
    CHECK(ask(*rules, "WS", "/secret/a").what == Class::denied);
    CHECK(ask(*rules, "HEAD", "/secret").what == Class::denied);
    CHECK(rules->classify({"POST", "/sdapi/v1/shutdown", {}, {}, true, false}).what == Class::denied);
}

TEST_CASE("the name of a file is no path", "[rules]") {
    const auto rules = rules_of(Profile::automatic, {"GET /secret/** D"});
    CHECK(ask(*rules, "GET", "/file=/tmp//a/../secret/x.png").towards == Towards::seek);
    CHECK(ask(*rules, "HEAD", "/file=").towards == Towards::seek);
    CHECK(ask(*rules, "GET", "/file=a/../../../secret").towards == Towards::seek);
    CHECK(ask(*rules, "GET", "/profile=a/../secret").what != Class::generation);
}

TEST_CASE("a percent sign that encodes nothing is a percent sign, and nothing is decoded twice", "[rules]") {
    const auto rules = rules_of(Profile::automatic);
    for (const std::string path : {"%", "/%", "/%2", "/%zz", "/%2g", "/100%", "/%%32%35"}) {
        CAPTURE(path);
        CHECK(ask(*rules, "GET", path).what == Class::light);
    }
    CHECK(ask(*rules, "POST", "/sdapi/v1/server%252Dkill").what == Class::light);
}

TEST_CASE("a path of thousands of segments is only a path", "[rules]") {
    const auto rules = rules_of(Profile::automatic, {"* /admin/** D", "GET /a/*/*/*/*/*/b L"});
    std::string deep = "/admin";
    for (int i = 0; i < 4000; ++i) deep += "/x";
    CHECK(ask(*rules, "GET", deep).what == Class::denied);
    CHECK(ask(*rules, "GET", "/x" + deep + std::string(4000, '/')).what == Class::light);
    std::string back = "/x";
    for (int i = 0; i < 2000; ++i) back += "/..";
    CHECK(ask(*rules, "GET", back + "/admin").what == Class::denied);
}

TEST_CASE("a user's rules go first, in their order", "[rules]") {
    const auto rules =
        rules_of(Profile::automatic, {"POST /my/render G", "GET|HEAD /status/* L towards busy", "WS /live S",
                                      "POST /sdapi/v1/txt2img L", "* /admin/** D", "GET /admin/health L",
                                      "PUT /jobs/new J until comfy-prompt"});
    CHECK(ask(*rules, "POST", "/my/render").rule == "POST /my/render G");
    CHECK(rules->all()[ask(*rules, "POST", "/my/render").number].origin == "a.yaml:1");
    CHECK(ask(*rules, "GET", "/status/7").towards == Towards::busy);
    CHECK(ask(*rules, "GET", "/status/7/more").rule == "GET|OPTIONS /** L");
    CHECK(ask(*rules, "WS", "/live").rule == "WS /live S");
    CHECK(ask(*rules, "POST", "/sdapi/v1/txt2img").what == Class::light);
    CHECK(ask(*rules, "GET", "/admin").what == Class::denied);
    CHECK(ask(*rules, "GET", "/admin/health").what == Class::denied);
    CHECK(ask(*rules, "GET", "/administrator").what == Class::light);
    CHECK(ask(*rules, "PUT", "/jobs/new").until == Until::comfy_prompt);
    CHECK(rules->all()[ask(*rules, "GET", "/").number].origin == "profile auto");
}

TEST_CASE("a user's rules go before strict, too", "[rules]") {
    const auto rules = rules_of(Profile::strict, {"GET /healthz L"});
    CHECK(ask(*rules, "GET", "/healthz").what == Class::light);
    CHECK(ask(*rules, "GET", "/").what == Class::generation);
}

TEST_CASE("without a task the page's requests take no slot", "[rules]") {
    const auto rules = rules_of(Profile::stable_diffusion);
    const auto call = ask(*rules, "POST", "/run/predict"), join = ask(*rules, "POST", "/queue/join");
    CHECK(with_task(call, true).what == Class::generation);
    CHECK(with_task(call, false).what == Class::light);
    CHECK(with_task(join, true).until == Until::gradio_queue);
    CHECK(words_of(with_task(join, false)) == "L");
    CHECK(with_task(ask(*rules, "WS", "/queue/join"), false).what == Class::stream);
    CHECK(with_task(ask(*rules, "POST", "/sdapi/v1/txt2img"), false).what == Class::generation);
}

TEST_CASE("a wrong rule is told with what to write instead", "[rules]") {
    const auto [line, advice] = GENERATE(table<std::string, std::string>({
        {"", "'' is no method"},
        {"FETCH /a G", "'FETCH' is no method; a rule begins with *, WS, GET, HEAD"},
        {"GET| /a G", "'' is no method"},
        {"get /a G", "'get' is no method"},
        {"POST", "after the method comes a path"},
        {"POST my/render G", "a pattern begins with /"},
        {"POST /sdapi/.* G", "write ** for whatever follows"},
        {"POST /a[0-9] G", "is a regular expression"},
        {"POST /a$ G", "'$' is not needed"},
        {"GET /a%20b L", "write the path decoded"},
        {"GET /a?b=1 L", "a query is no part of the path"},
        {"GET /a/**/b L", "** stands for whatever follows and so comes last"},
        {"GET /(a/**|b)/c L", "** stands for whatever follows and so comes last"},
        {"GET /a*** L", "write **"},
        {"GET /(a L", "a ( without its )"},
        {"GET /a) L", "a ) without its ("},
        {"GET /a|b L", "'|' only separates choices"},
        {"GET /((a)|b) L", "a group in a group"},
        {"GET /(a|) L", "an empty choice"},
        {"GET (/api)?** L", "would not begin with /"},
        {"GET /(a|b)(a|b)(a|b)(a|b)(a|b)(a|b)(a|b)(a|b)(a|b) L", "more than 256 paths"},
        {"POST /my/render", "no class"},
        {"POST /my/render X", "'X' is no class; after the path comes one of G J W S L N D"},
        {"POST /my/render g", "'g' is no class"},
        {"POST /my/render J", "a J says when its job has ended: until gradio-queue"},
        {"POST /my/render J until", "until what? Write gradio-queue"},
        {"POST /my/render J until done", "until 'done': write gradio-queue"},
        {"POST /my/render G until comfy-prompt", "only J has an until"},
        {"POST /my/render G towards busy", "only L and S have towards"},
        {"GET /my/state L towards here", "towards 'here': write any, busy, owner or seek"},
        {"GET /my/state L if json", "if 'json': write html, sse, bearer or task"},
        {"GET /my/state L if task", "if task is for G, J and W"},
        {"GET /my/state L please", "'please': after the class may come"},
        {"POST /my/socket W", "write WS before the path"},
    }));
    CAPTURE(line);
    CHECK_THAT(what_is_wrong(line), Catch::Contains(advice));
    const UserRule rule{line, "a.yaml:3"};
    const auto made = Rules::make(Profile::automatic, std::span(&rule, 1));
    CHECK(!made.rules);
    REQUIRE(made.errors.size() == 1);
    CHECK_THAT(made.errors.front(), Catch::StartsWith("a.yaml:3: "));
}

// No threshold: a machine under load says nothing about the code. `test_router "[.speed]"` prints it.
TEST_CASE("how long it takes to classify", "[.speed]") {
    const auto rules = rules_of(Profile::automatic, {"POST /my/render G", "GET /status/* L"});
    const std::vector<Asked> asked{
        {"POST", "/sdapi/v1/txt2img", {}, "*/*"},
        {"POST", "/internal/progress", {}, "*/*"},
        {"GET", "/file=/tmp/gradio/0123456789abcdef/image.png", {}, "image/avif,image/webp,*/*"},
        {"GET", "/assets/index-0a1b2c3d.js", {}, "*/*"},
        {"POST", "/gradio_api/queue/join", {}, "*/*"},
        {"GET", "/sdapi%2Fv1%2Fprogress", {}, "*/*"},
        {"GET", "/some/page", {}, "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"},
        {"POST", "/some/unknown/path/of/eight/segments/in/all", {}, "*/*"},
    };
    for (const auto& one : asked) {
        constexpr int times = 1'000'000;
        unsigned sum = 0;
        const auto began = std::chrono::steady_clock::now();
        for (int i = 0; i < times; ++i) sum += static_cast<unsigned>(rules->classify(one).what);
        const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - began;
        std::printf("%7.1f ns  %c  %s %s\n", took.count() / times, "GJWSLND"[sum / times],
                    std::string(one.method).c_str(), std::string(one.path).c_str());
    }
}
