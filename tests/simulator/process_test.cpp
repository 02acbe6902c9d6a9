// sd-simulator over its socket: the WebUI's API, the start, the lock, and what it says of itself.
#include "process.hpp"

#include <signal.h>

#include <catch2/catch.hpp>
#include <cmath>

#include "simulator/encode.hpp"
#include "simulator/png.hpp"

using namespace simulator_test;

namespace {

std::string named(const std::string& key, const std::string& task) {
    return json::serialize(json::object{{key, task}});
}
bool holds_gpu(std::uint16_t port) {
    return stats(port).at("gpu") == 1;
}

}  // namespace

TEST_CASE("txt2img answers with an image, the parameters and the info as text", "[process]") {
    Process pod({});
    const Response response =
        post(pod.port(), txt2img_path, R"({"prompt":"pretty dog","seed":7,"width":128,"height":64})");
    CHECK(response.result_int() == 200);
    CHECK(response["x-stub-pod"] == "pod-a");
    CHECK(response.count("x-process-time") == 1);
    const auto body = parsed(response);
    CHECK(body.at("parameters").at("prompt") == "pretty dog");
    CHECK(body.at("parameters").at("cfg_scale") == 7.0);
    const auto info = json::parse(body.at("info").as_string());
    CHECK(info.at("seed") == 7);
    CHECK(info.at("width") == 128);
    const std::string png = simulator::unbase64(std::string(body.at("images").at(0).as_string()));
    CHECK(png.size() == 20'000);
    CHECK_THAT(simulator::png_parameters(png), Catch::StartsWith("pretty dog\n"));
}

TEST_CASE("an empty object is a valid request and a batch answers with all of its images", "[process]") {
    Process pod({});
    CHECK(parsed(post(pod.port(), txt2img_path, "{}")).at("images").as_array().size() == 1);
    const auto batch = parsed(post(pod.port(), txt2img_path, R"({"batch_size":2,"n_iter":2})"));
    CHECK(batch.at("images").as_array().size() == 4);
    CHECK(batch.at("images").at(0) != batch.at("images").at(1));
}

TEST_CASE("requests that do not fit are refused as the WebUI refuses them", "[process]") {
    Process pod({});
    CHECK(post(pod.port(), txt2img_path, "{bad").result_int() == 422);
    CHECK(post(pod.port(), txt2img_path, "").result_int() == 422);
    CHECK(post(pod.port(), txt2img_path, R"({"steps":"many"})").result_int() == 422);
    CHECK(parsed(post(pod.port(), txt2img_path, R"({"sampler_name":"x"})")).at("detail") ==
          "Sampler not found");
    CHECK(parsed(post(pod.port(), "/sdapi/v1/img2img")).at("detail") == "Init image not found");
    CHECK(get(pod.port(), txt2img_path).result_int() == 405);
    CHECK(Client(pod.port()).ask(http::verb::head, "/internal/ping").result_int() == 405);
    const Response slash = get(pod.port(), "/sdapi/v1/progress/");
    CHECK(slash.result_int() == 307);
    CHECK(slash["location"] == "http://pod.test/sdapi/v1/progress");
    CHECK(get(pod.port(), "//sdapi/v1/progress").result_int() == 404);
}

TEST_CASE("the lists, the page and its assets are there", "[process]") {
    Process pod({});
    Client client(pod.port());
    for (const char* path :
         {"/sdapi/v1/options", "/sdapi/v1/samplers", "/sdapi/v1/schedulers", "/sdapi/v1/upscalers",
          "/sdapi/v1/sd-models", "/sdapi/v1/sd-vae", "/sdapi/v1/cmd-flags", "/sdapi/v1/memory",
          "/sdapi/v1/prompt-styles", "/sdapi/v1/embeddings", "/sdapi/v1/loras", "/sdapi/v1/scripts",
          "/internal/ping", "/internal/pending-tasks", "/config", "/theme.css", "/favicon.ico"}) {
        CAPTURE(path);
        CHECK(client.ask(http::verb::get, path).result_int() == 200);
    }
    const std::string page = client.ask(http::verb::get, "/").body();
    for (const char* id : {"prompt", "generate", "interrupt", "bar", "text", "result", "log"})
        CHECK_THAT(page, Catch::Contains("id=\"" + std::string(id) + "\""));
    CHECK_THAT(page, Catch::Contains("data-pod=\"pod-a\"") && !Catch::Contains("src=\"/"));
    for (int i = 0; i < 40; ++i)
        CHECK(client.ask(http::verb::get, "/file=javascript/" + std::to_string(i) + ".js").body().size() ==
              6000);
    CHECK(client.ask(http::verb::get, "/file=javascript/40.js").result_int() == 404);
}

TEST_CASE("an image with a task of its own is served as a file, whole and in ranges", "[process]") {
    Process pod({});
    post(pod.port(), txt2img_path, named("force_task_id", "task(abc)"));
    const Response whole = get(pod.port(), "/file=outputs/task(abc).png");
    CHECK(whole.body().size() == 20'000);
    const Response part =
        Client(pod.port()).ask(http::verb::get, "/file=outputs/task(abc).png", "", {{"Range", "bytes=1-3"}});
    CHECK(part.result_int() == 206);
    CHECK(part.body() == "PNG");
    CHECK(get(pod.port(), "/file=outputs/other.png").result_int() == 404);
}

TEST_CASE("an answer is compressed for whoever accepts it", "[process]") {
    Process pod({});
    const Response response =
        Client(pod.port()).ask(http::verb::post, txt2img_path, "{}", {{"Accept-Encoding", "gzip"}});
    CHECK(response[http::field::content_encoding] == "gzip");
    CHECK(response.body().substr(0, 2) == "\x1f\x8b");
}

TEST_CASE("generations run one at a time in order of arrival", "[process]") {
    Process pod({"--service=0.05"});
    std::vector<std::unique_ptr<Client>> clients;
    for (int i = 0; i < 4; ++i) {
        clients.push_back(std::make_unique<Client>(pod.port()));
        clients.back()->send(http::verb::post, txt2img_path, named("force_task_id", std::to_string(i)));
        REQUIRE(eventually([&] { return stats(pod.port()).at("requests") == i + 1; }));
    }
    for (auto& client : clients) CHECK(client->receive().result_int() == 200);
    const auto seen = stats(pod.port());
    CHECK(seen.at("gpuMax") == 1);
    CHECK(seen.at("served") == 4);
    const auto& runs = seen.at("runs").as_array();
    REQUIRE(runs.size() == 4);
    for (std::size_t i = 0; i < runs.size(); ++i) {
        CHECK(runs[i].at("task").as_string() == json::string(std::to_string(i)));
        CHECK(runs[i].at("start").as_double() >= runs[i].at("arrive").as_double());
        CHECK(runs[i].at("end").as_double() > runs[i].at("start").as_double());
        if (i > 0) CHECK(runs[i].at("start").as_double() >= runs[i - 1].at("end").as_double());
    }
}

TEST_CASE("a running task is active, a waiting one queued, an old one completed", "[process]") {
    Process pod({"--service=600"});
    Client running(pod.port()), waiting(pod.port());
    running.send(http::verb::post, txt2img_path, named("force_task_id", "task(a)"));
    REQUIRE(eventually([&] { return holds_gpu(pod.port()); }));
    waiting.send(http::verb::post, txt2img_path, named("force_task_id", "task(b)"));
    REQUIRE(eventually([&] { return stats(pod.port()).at("waiting") == 1; }));
    const auto about = [&](const char* task) {
        return parsed(post(pod.port(), "/internal/progress", named("id_task", task)));
    };
    CHECK(about("task(a)").at("active") == true);
    CHECK_THAT(std::string(about("task(a)").at("live_preview").as_string()),
               Catch::StartsWith("data:image/png"));
    CHECK(about("task(b)").at("queued") == true);
    CHECK(about("task(b)").at("textinfo") == "In queue: 1/1");
    CHECK(about("task(c)").at("textinfo") == "Waiting...");
    CHECK(parsed(get(pod.port(), "/internal/pending-tasks")).at("tasks") == json::array{"task(b)"});
    CHECK(parsed(get(pod.port(), "/sdapi/v1/progress")).at("state").at("job") == "task(a)");
}

TEST_CASE("an interrupt ends the running generation, which still answers", "[process]") {
    Process pod({"--service=600", "--steps=1000", "--decode=0"});
    Client client(pod.port());
    client.send(http::verb::post, txt2img_path, named("force_task_id", "task(a)"));
    REQUIRE(eventually([&] { return holds_gpu(pod.port()); }));
    CHECK(post(pod.port(), "/sdapi/v1/interrupt").body() == "{}");
    CHECK(client.receive().result_int() == 200);
    CHECK(stats(pod.port()).at("runs").at(0).at("interrupted") == true);
    CHECK(parsed(post(pod.port(), "/internal/progress", named("id_task", "task(a)"))).at("completed") ==
          true);
}

TEST_CASE("a generation goes on to its end when its client has left", "[process]") {
    Process pod({"--service=1"});
    {
        Client client(pod.port());
        client.send(http::verb::post, txt2img_path, "{}");
        REQUIRE(eventually([&] { return holds_gpu(pod.port()); }));
    }
    REQUIRE(eventually([&] { return stats(pod.port()).at("gpu") == 0; }));
    const auto seen = stats(pod.port());
    CHECK(seen.at("aborted") == 1);
    CHECK(seen.at("runs").at(0).at("client_gone") == true);
    CHECK(seen.at("runs").at(0).at("interrupted") == false);
}

TEST_CASE("before /sdapi is mounted its paths are unknown and the page works", "[process]") {
    Process pod({"--mount-delay=600"});
    const Response early = get(pod.port(), "/sdapi/v1/progress");
    CHECK(early.result_int() == 404);
    CHECK(early.body() == R"({"detail":"Not Found"})");
    CHECK(early.count("x-process-time") == 0);
    CHECK(get(pod.port(), "/").result_int() == 200);
    CHECK(get(pod.port(), "/internal/ping").result_int() == 200);
}

TEST_CASE("a request in the crash window ends the process and a bare connection does not", "[process]") {
    Process pod({"--mount-delay=600", "--crash-window=600"});
    Client bare(pod.port());
    CHECK(get(pod.port(), "/stub/stats").result_int() == 200);
    Client client(pod.port());
    client.send(http::verb::get, "/");
    Response response;
    CHECK(client.try_receive(response));
    CHECK(pod.wait() == 1);
}

TEST_CASE("what it cannot understand ends it with status 2", "[process]") {
    Process pod({"--steps=10000"}, false);
    CHECK(pod.wait() == 2);
}

TEST_CASE("a start that fails ends with status 1", "[process]") {
    Process pod({"--start-fail=1"}, false);
    CHECK(pod.wait() == 1);
}

TEST_CASE("SIGTERM ends it at once, and not at all as PID 1", "[process]") {
    Process ordinary({"--service=600"});
    Client client(ordinary.port());
    client.send(http::verb::post, txt2img_path, "{}");
    ordinary.signal(SIGTERM);
    CHECK(ordinary.wait() == 128 + SIGTERM);

    Process first({"--pid1"});
    first.signal(SIGTERM);
    CHECK(get(first.port(), "/internal/ping").result_int() == 200);
    CHECK(first.alive());
}

TEST_CASE("with credentials /sdapi asks for them and the rest does not", "[process]") {
    Process pod({"--auth=me:secret"});
    const Response denied = get(pod.port(), "/sdapi/v1/progress");
    CHECK(denied.result_int() == 401);
    CHECK(denied[http::field::www_authenticate] == "Basic");
    const std::string right = "Basic " + simulator::base64("me:secret");
    CHECK(Client(pod.port())
              .ask(http::verb::get, "/sdapi/v1/progress", "", {{"Authorization", right}})
              .result_int() == 200);
    CHECK(get(pod.port(), "/internal/ping").result_int() == 200);
}

TEST_CASE("no more than so many synchronous requests are inside and the truth is never delayed",
          "[process]") {
    Process pod({"--service=600", "--threads=2"});
    Client first(pod.port()), second(pod.port()), ping(pod.port());
    first.send(http::verb::post, txt2img_path, "{}");
    second.send(http::verb::post, txt2img_path, "{}");
    REQUIRE(eventually([&] { return stats(pod.port()).at("waiting") == 1; }));
    ping.send(http::verb::get, "/internal/ping");
    REQUIRE(eventually([&] { return stats(pod.port()).at("http") == 3; }));
    CHECK(ping.socket().available() == 0);
}

TEST_CASE("options change, and changing the model takes the lock", "[process]") {
    Process pod({});
    CHECK(post(pod.port(), "/sdapi/v1/options", R"({"CLIP_stop_at_last_layers":2})").body() == "null");
    CHECK(parsed(get(pod.port(), "/sdapi/v1/options")).at("CLIP_stop_at_last_layers") == 2);
    CHECK(stats(pod.port()).at("runs").as_array().empty());
    CHECK(post(pod.port(), "/sdapi/v1/options", R"({"sd_model_checkpoint":"other"})").body() == "null");
    CHECK(stats(pod.port()).at("runs").as_array().size() == 1);
}

TEST_CASE("the statistics count paths, classes and cookies, and start again when told to", "[process]") {
    Process pod({});
    post(pod.port(), txt2img_path);
    Client(pod.port()).ask(http::verb::get, "/", "", {{"Cookie", "theme=dark; sd=secret"}});
    auto seen = stats(pod.port());
    CHECK(seen.at("byPath").at(txt2img_path) == 1);
    CHECK(seen.at("byClass") == json::object{{"G", 1}, {"N", 1}});
    CHECK(seen.at("cookies_seen") == json::object{{"sd", 1}, {"theme", 1}});
    CHECK_THAT(get(pod.port(), "/stub/metrics").body(), Catch::Contains("sd_simulator_images_total 1\n"));
    post(pod.port(), "/stub/reset");
    seen = stats(pod.port());
    CHECK(seen.at("requests") == 0);
    CHECK(seen.at("runs").as_array().empty());
}
