// The page's events as Gradio 3 sends them: a WebSocket each, over the simulated pod's own socket.
#include <catch2/catch.hpp>

#include "socket_client.hpp"

using namespace simulator_test;

namespace {

constexpr int load = 0, txt2img_fn = 1, interrupt = 2, token_counter = 4, slider = 5, img2img = 6,
              restore = 7;

std::string event(int fn_index, json::array data = {}) {
    return json::serialize(
        json::object{{"fn_index", fn_index}, {"data", std::move(data)}, {"session_hash", "abc"}});
}
json::array task(const std::string& id) {
    return {id, "pretty dog", "", 20, 128, 64, 7};
}

// A socket whose event has been told.
std::unique_ptr<SocketClient> begin(const Process& pod, int fn_index, json::array data = {}) {
    auto socket = std::make_unique<SocketClient>(pod.port(), "/queue/join");
    socket->until("send_hash");
    socket->send(event(fn_index));
    socket->until("send_data");
    socket->send(event(fn_index, std::move(data)));
    return socket;
}
json::array finished(SocketClient& socket) {
    const auto end = socket.until("process_completed");
    if (end.at("success") != true) throw std::runtime_error(json::serialize(end));
    return end.at("output").at("data").as_array();
}
std::string file_of(const json::array& data) {
    return std::string(data.at(0).at(0).at("name").as_string());
}
json::object progress(const Process& pod, const std::string& id) {
    return json::parse(
               post(pod.port(), "/internal/progress", json::serialize(json::object{{"id_task", id}})).body())
        .as_object();
}

}  // namespace

TEST_CASE("an event is asked for its hash, then for its data, runs, and is closed with 1000", "[gradio3]") {
    Process pod({});
    SocketClient socket(pod.port(), "/queue/join");
    CHECK(socket.message().at("msg") == "send_hash");
    CHECK(stats(pod.port()).at("ws") == 1);
    socket.send(event(txt2img_fn));
    const auto estimation = socket.message();
    CHECK(estimation.at("msg") == "estimation");
    CHECK(estimation.at("rank") == 0);
    CHECK(socket.message().at("msg") == "send_data");
    socket.send(event(txt2img_fn, task("task(a)")));
    CHECK(socket.message().at("msg") == "process_starts");
    const auto end = socket.until("process_completed");
    CHECK(end.at("success") == true);
    CHECK(end.at("output").at("duration").as_double() > 0);
    CHECK_FALSE(socket.receive());
    CHECK(socket.close_code() == 1000);
    CHECK(eventually([&] { return stats(pod.port()).at("ws") == 0; }));
    CHECK(stats(pod.port()).at("wsMax") == 1);
}

TEST_CASE("an image of an event is a file of this process alone", "[gradio3]") {
    Process pod({}), other({});
    const std::string name = file_of(finished(*begin(pod, txt2img_fn, task("task(a)"))));
    const Response file = get(pod.port(), "/file=" + name);
    CHECK(file.result_int() == 200);
    CHECK(file.body().substr(1, 3) == "PNG");
    const Response part =
        Client(pod.port()).ask(http::verb::get, "/file=" + name, "", {{"Range", "bytes=1-3"}});
    CHECK(part.body() == "PNG");
    CHECK(get(other.port(), "/file=" + name).result_int() == 404);
    CHECK(get(pod.port(), "/file=/etc/hostname").result_int() == 403);
}

TEST_CASE("events and API calls take the lock one after the other", "[gradio3]") {
    Process pod({"--service=0.2"});
    const auto first = begin(pod, txt2img_fn, task("task(a)"));
    REQUIRE(eventually([&] { return stats(pod.port()).at("gpu") == 1; }));
    const auto second = begin(pod, txt2img_fn, task("task(b)"));
    REQUIRE(eventually([&] { return stats(pod.port()).at("waiting") == 1; }));
    CHECK(progress(pod, "task(a)").at("active") == true);
    const auto waiting = progress(pod, "task(b)");
    CHECK(waiting.at("queued") == true);
    CHECK(waiting.at("textinfo") == "In queue: 1/1");
    finished(*first);
    finished(*second);
    CHECK(progress(pod, "task(b)").at("completed") == true);
    CHECK(stats(pod.port()).at("gpuMax") == 1);
    CHECK(stats(pod.port()).at("waitMax") == 1);
}

TEST_CASE("a task that a pod does not know is neither active nor queued nor completed", "[gradio3]") {
    Process pod({});
    const auto answer = progress(pod, "task(elsewhere)");
    for (const char* key : {"active", "queued", "completed"}) CHECK(answer.at(key) == false);
    CHECK(answer.at("id_live_preview") == -1);
}

TEST_CASE("a token counter waits for the lock, and is no task", "[gradio3]") {
    Process pod({"--service=0.3"});
    const auto image = begin(pod, txt2img_fn, task("task(a)"));
    REQUIRE(eventually([&] { return stats(pod.port()).at("gpu") == 1; }));
    const auto counter = begin(pod, token_counter, {"pretty dog", 20});
    REQUIRE(eventually([&] { return stats(pod.port()).at("lightWaitMax") == 1; }));
    finished(*image);
    CHECK(finished(*counter).at(0).as_string().find("/75") != std::string::npos);
    const auto seen = stats(pod.port());
    CHECK(seen.at("waitMax") == 0);
    CHECK(seen.at("runs").as_array().size() == 1);
}

TEST_CASE("an interrupt by socket ends what runs at its next step", "[gradio3]") {
    Process pod({"--service=30", "--decode=0.01"});
    const auto image = begin(pod, txt2img_fn, task("task(a)"));
    REQUIRE(eventually([&] { return progress(pod, "task(a)").at("progress") != nullptr; }));
    finished(*begin(pod, interrupt));
    finished(*image);
    CHECK(stats(pod.port()).at("runs").at(0).at("interrupted") == true);
    CHECK(stats(pod.port()).at("interrupts") == 1);
}

TEST_CASE("a slider hears its own value", "[gradio3]") {
    Process pod({});
    CHECK(finished(*begin(pod, slider, {30})) == json::array{30});
}

TEST_CASE("a client that leaves does not end its generation", "[gradio3]") {
    Process pod({"--service=0.3"});
    const auto image = begin(pod, txt2img_fn, task("task(a)"));
    REQUIRE(eventually([&] { return stats(pod.port()).at("gpu") == 1; }));
    image->vanish();
    CHECK(eventually([&] { return stats(pod.port()).at("ws") == 0; }));
    CHECK(stats(pod.port()).at("aborted") == 1);
    REQUIRE(eventually([&] { return stats(pod.port()).at("gpu") == 0; }));
    CHECK(stats(pod.port()).at("runs").at(0).at("client_gone") == true);
    CHECK(progress(pod, "task(a)").at("completed") == true);
}

TEST_CASE("a reloaded page gets the result of its task when that is over", "[gradio3]") {
    Process pod({"--service=0.2"});
    const auto image = begin(pod, txt2img_fn, task("task(a)"));
    REQUIRE(eventually([&] { return stats(pod.port()).at("gpu") == 1; }));
    image->vanish();
    CHECK_THAT(file_of(finished(*begin(pod, restore, {"task(a)"}))), Catch::EndsWith("/outputs/task(a).png"));
    CHECK(stats(pod.port()).at("gpu") == 0);
}

TEST_CASE("a client that says no hash or no data in time is not waited for", "[gradio3]") {
    Process pod({"--hash-limit=0.1", "--data-limit=0.1"});
    SocketClient silent(pod.port(), "/queue/join");
    silent.until("send_hash");
    CHECK_FALSE(silent.receive());
    CHECK(silent.close_code() == 1000);
    SocketClient slow(pod.port(), "/queue/join");
    slow.until("send_hash");
    slow.send(event(txt2img_fn));
    const auto end = slow.until("process_completed");
    CHECK(end.at("success") == false);
    CHECK(end.at("output").at("error") == "Time out uploading data to server");
}

TEST_CASE("a dropped socket is reset in the middle of its task, which goes on", "[gradio3]") {
    Process pod({"--service=0.4", "--fault=drop:at=0.3,times=1"});
    const auto image = begin(pod, txt2img_fn, task("task(a)"));
    CHECK_THROWS(image->until("process_completed"));
    CHECK(image->close_code() == 0);
    CHECK(eventually([&] { return progress(pod, "task(a)").at("completed") == true; }));
    finished(*begin(pod, txt2img_fn, task("task(b)")));
}

TEST_CASE("an out of memory is an event without success", "[gradio3]") {
    Process pod({"--fault=error:times=1"});
    const auto image = begin(pod, txt2img_fn, task("task(a)"));
    CHECK(image->until("process_completed").at("success") == false);
    finished(*begin(pod, txt2img_fn, task("task(b)")));
}

TEST_CASE("functions without a queue come by POST, and a generation may", "[gradio3]") {
    Process pod({});
    CHECK(post(pod.port(), "/run/predict", event(load)).result_int() == 200);
    const Response made = post(pod.port(), "/run/predict", event(txt2img_fn, task("task(a)")));
    const auto data = json::parse(made.body()).at("data").as_array();
    CHECK(get(pod.port(), "/file=" + file_of(data)).result_int() == 200);
    CHECK(json::parse(post(pod.port(), "/reset").body()).at("success") == true);
}

TEST_CASE("the config names the functions in the order of their numbers", "[gradio3]") {
    Process pod({});
    const auto config = json::parse(get(pod.port(), "/config").body());
    CHECK(config.at("version") == "3.41.2\n");
    CHECK(config.at("enable_queue") == true);
    CHECK(config.at("dependencies").at(txt2img_fn).at("api_name") == "txt2img");
    CHECK(config.at("dependencies").at(load).at("queue") == false);
    CHECK(
        json::parse(get(pod.port(), "/info").body()).at("named_endpoints").as_object().contains("/txt2img"));
    Process without({"--no-gradio-queue"});
    CHECK(json::parse(get(without.port(), "/config").body()).at("enable_queue") == false);
}

TEST_CASE("an upload is a file of this process", "[gradio3]") {
    Process pod({});
    const std::string body =
        "--x\r\nContent-Disposition: form-data; name=\"files\"; "
        "filename=\"cat.png\"\r\n\r\nmeow\r\n--x--\r\n";
    const Response sent =
        Client(pod.port())
            .ask(http::verb::post, "/upload", body, {{"Content-Type", "multipart/form-data; boundary=x"}});
    REQUIRE(sent.result_int() == 200);
    const std::string path(json::parse(sent.body()).at(0).as_string());
    CHECK_THAT(path, Catch::EndsWith("/cat.png"));
    CHECK(get(pod.port(), "/file=" + path).body() == "meow");
    CHECK(post(pod.port(), "/upload").result_int() == 422);
}

TEST_CASE("a login is a cookie of one process, for the page and not for the API", "[gradio3]") {
    Process pod({"--gradio-auth=user:secret"}), other({"--gradio-auth=user:secret"});
    CHECK(get(pod.port(), "/config").result_int() == 401);
    CHECK_THROWS(SocketClient(pod.port(), "/queue/join"));
    CHECK(post(pod.port(), "/sdapi/v1/txt2img").result_int() == 200);
    CHECK(post(pod.port(), "/login", "username=user&password=wrong").result_int() == 400);
    const Response welcome = post(pod.port(), "/login", "username=user&password=secret");
    REQUIRE(welcome.result_int() == 200);
    CHECK(welcome.count("set-cookie") == 2);
    std::string cookie(welcome["set-cookie"]);
    cookie = cookie.substr(0, cookie.find(';'));
    CHECK(Client(pod.port()).ask(http::verb::get, "/config", "", {{"Cookie", cookie}}).result_int() == 200);
    CHECK(Client(other.port()).ask(http::verb::get, "/config", "", {{"Cookie", cookie}}).result_int() == 401);
    SocketClient socket(pod.port(), "/queue/join", {{"Cookie", cookie}});
    CHECK(socket.message().at("msg") == "send_hash");
}

TEST_CASE("a plain request for a socket's path is not found", "[gradio3]") {
    Process pod({});
    CHECK(get(pod.port(), "/queue/join").result_int() == 404);
}

TEST_CASE("a message may be megabytes of image", "[gradio3]") {
    Process pod({});
    const std::string image = "data:image/png;base64," + std::string(6u << 20, 'A');
    const auto done = begin(pod, img2img, {"task(a)", "pretty dog", json::string(image)});
    CHECK_THAT(file_of(finished(*done)), Catch::EndsWith("/outputs/task(a).png"));
}

TEST_CASE("a fault with a socket's path strikes instead of its handshake's answer", "[gradio3]") {
    Process pod({});
    const auto arm = [&](const std::string& fault) { post(pod.port(), "/stub/fault", fault); };
    arm(R"({"fault":"not-found","path":"/queue/join","times":1})");
    CHECK_THROWS(SocketClient(pod.port(), "/queue/join"));
    SocketClient(pod.port(), "/queue/join").until("send_hash");

    arm(R"({"fault":"hang","path":"/queue/join"})");
    Client hanging(pod.port());
    hanging.send(http::verb::get, "/queue/join", "",
                 {{"Connection", "Upgrade"},
                  {"Upgrade", "websocket"},
                  {"Sec-WebSocket-Version", "13"},
                  {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="}});
    REQUIRE(eventually([&] { return stats(pod.port()).at("byPath").at("/queue/join") == 3; }));
    CHECK(stats(pod.port()).at("ws") == 0);
    arm(R"({"fault":"none"})");
    CHECK(hanging.receive().result_int() == 101);
}

TEST_CASE("a hanging task keeps its socket and the lock until the fault is taken back", "[gradio3]") {
    Process pod({"--fault=hang:times=1"});
    const auto image = begin(pod, txt2img_fn, task("task(a)"));
    REQUIRE(eventually([&] { return stats(pod.port()).at("gpu") == 1; }));
    const auto next = begin(pod, txt2img_fn, task("task(b)"));
    REQUIRE(eventually([&] { return stats(pod.port()).at("waiting") == 1; }));
    post(pod.port(), "/stub/fault", R"({"fault":"none"})");
    finished(*image);
    finished(*next);
}

TEST_CASE("the page holds a heartbeat open, which is an event stream", "[gradio3]") {
    Process pod({});
    Client page(pod.port());
    page.send(http::verb::get, "/heartbeat/abc");
    CHECK(eventually([&] { return stats(pod.port()).at("sse") == 1; }));
}
