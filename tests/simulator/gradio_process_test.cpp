// sd-simulator as a Gradio 5 app, and as Forge: the queue, its event streams, and what a client leaves
// behind.
#include <sys/socket.h>
#include <sys/time.h>

#include <catch2/catch.hpp>

#include "process.hpp"
#include "simulator/png.hpp"

using namespace simulator_test;

namespace {

const std::string prefix = "/gradio_api";

std::string join_body(const std::string& session, const std::string& prompt, int function = 0) {
    return json::serialize(
        json::object{{"fn_index", function}, {"session_hash", session}, {"data", json::array{prompt, 7, 4}}});
}

// The messages of a whole stream of the queue.
std::vector<json::object> messages(const std::string& stream) {
    std::vector<json::object> all;
    const std::string mark = "data: ";
    for (auto at = stream.find(mark); at != std::string::npos; at = stream.find(mark, at)) {
        at += mark.size();
        all.push_back(json::parse(stream.substr(at, stream.find('\n', at) - at)).as_object());
    }
    return all;
}

std::vector<std::string> kinds(const std::vector<json::object>& all) {
    std::vector<std::string> names;
    for (const auto& message : all) names.emplace_back(message.at("msg").as_string());
    return names;
}

const json::object& the(const std::vector<json::object>& all, const std::string& kind) {
    for (const auto& message : all)
        if (message.at("msg") == json::string_view(kind)) return message;
    throw std::runtime_error("there is no " + kind);
}

// An answer as it comes, piece by piece.
class Stream {
public:
    Stream(std::uint16_t port, const std::string& target, const std::string& headers = "")
        : socket_(context_) {
        socket_.connect({asio::ip::address_v4::loopback(), port});
        const timeval patience{10, 0};
        ::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        asio::write(socket_,
                    asio::buffer("GET " + target + " HTTP/1.1\r\nHost: pod.test\r\n" + headers + "\r\n"));
    }
    // False: it ended, or ten seconds passed without a byte, before this came.
    bool until(const std::string& text) {
        char bytes[4096];
        while (seen_.find(text) == std::string::npos) {
            const auto got = ::recv(socket_.native_handle(), bytes, sizeof bytes, 0);
            if (got <= 0) return false;
            seen_.append(bytes, static_cast<std::size_t>(got));
        }
        return true;
    }
    const std::string& seen() const { return seen_; }
    void leave() { socket_.close(); }

private:
    asio::io_context context_;
    tcp::socket socket_;
    std::string seen_;
};

std::string data_of(const std::string& session) {
    return prefix + "/queue/data?session_hash=" + session;
}

}  // namespace

TEST_CASE("a job is taken at once and its news end with the stream", "[gradio]") {
    Process pod({"--dialect=gradio5", "--service=0.1"});
    const auto joined =
        json::parse(post(pod.port(), prefix + "/queue/join", join_body("s1", "pretty dog")).body());
    CHECK(stats(pod.port()).at("runs").as_array().empty());
    const auto all = messages(get(pod.port(), data_of("s1")).body());
    CHECK(kinds(all) == std::vector<std::string>{"estimation", "process_starts", "progress", "progress",
                                                 "progress", "progress", "process_completed",
                                                 "close_stream"});
    const auto& done = the(all, "process_completed");
    CHECK(done.at("event_id") == joined.at("event_id"));
    CHECK(done.at("success") == true);
    CHECK(stats(pod.port()).at("runs").as_array().size() == 1);
}

TEST_CASE("the image is a file of this process only", "[gradio]") {
    Process pod({"--dialect=gradio5"}), other({"--dialect=gradio5"});
    post(pod.port(), prefix + "/queue/join", join_body("s1", "pretty dog"));
    const auto all = messages(get(pod.port(), data_of("s1")).body());
    const auto& file = the(all, "process_completed").at("output").at("data").at(0);
    const std::string url(file.at("url").as_string());
    REQUIRE_THAT(url, Catch::StartsWith("http://pod.test" + prefix + "/file=/tmp/gradio/"));
    const std::string target = url.substr(std::string("http://pod.test").size());
    CHECK_THAT(simulator::png_parameters(get(pod.port(), target).body()), Catch::StartsWith("pretty dog\n"));
    CHECK(get(other.port(), target).result_int() == 404);
}

TEST_CASE("a stream of an unknown session says so and ends", "[gradio]") {
    Process pod({"--dialect=gradio5"});
    const auto all = messages(get(pod.port(), data_of("nobody")).body());
    CHECK(kinds(all) == std::vector<std::string>{"unexpected_error"});
    CHECK_THAT(std::string(all[0].at("message").as_string()), Catch::Contains("Session not found"));
}

TEST_CASE("every event is sent when it happens", "[gradio]") {
    Process pod({"--dialect=gradio5", "--service=60"});
    post(pod.port(), prefix + "/queue/join", join_body("s1", "slow"));
    Stream stream(pod.port(), data_of("s1"));
    CHECK(stream.until("process_starts"));
    CHECK_THAT(stream.seen(), Catch::Contains("text/event-stream") && Catch::Contains("chunked"));
    CHECK(stats(pod.port()).at("sse") == 1);
    CHECK(stats(pod.port()).at("gpu") == 1);
}

TEST_CASE("with --sse-gzip a stream comes in one piece at its end, for whoever accepts it", "[gradio]") {
    Process pod({"--dialect=gradio5", "--service=0.1", "--sse-gzip=on"});
    post(pod.port(), prefix + "/queue/join", join_body("s1", "packed"));
    const Response packed =
        Client(pod.port()).ask(http::verb::get, data_of("s1"), "", {{"Accept-Encoding", "gzip"}});
    CHECK(packed[http::field::content_encoding] == "gzip");
    CHECK(packed.body().substr(0, 2) == "\x1f\x8b");
    post(pod.port(), prefix + "/queue/join", join_body("s1", "plain"));
    const Response plain =
        Client(pod.port()).ask(http::verb::get, data_of("s1"), "", {{"Accept-Encoding", "identity"}});
    CHECK_THAT(plain.body(), Catch::Contains("process_completed"));
}

TEST_CASE("whoever leaves takes along what waits, and what runs goes on", "[gradio]") {
    Process pod({"--dialect=gradio5", "--service=0.5"});
    post(pod.port(), prefix + "/queue/join", join_body("s1", "runs"));
    REQUIRE(eventually([&] { return stats(pod.port()).at("gpu") == 1; }));
    post(pod.port(), prefix + "/queue/join", join_body("s1", "waits"));
    REQUIRE(eventually([&] { return stats(pod.port()).at("waiting") == 1; }));
    Stream stream(pod.port(), data_of("s1"));
    REQUIRE(stream.until("process_starts"));
    stream.leave();
    CHECK(eventually([&] { return stats(pod.port()).at("waiting") == 0; }));
    CHECK(eventually([&] { return stats(pod.port()).at("sse") == 0; }));
    CHECK(eventually([&] { return stats(pod.port()).at("gpu") == 0; }));
    CHECK(stats(pod.port()).at("runs").as_array().size() == 1);
    CHECK(stats(pod.port()).at("runs").at(0).at("interrupted") == false);
}

TEST_CASE("a page's heartbeat stays open and holds nothing", "[gradio]") {
    Process pod({"--dialect=gradio5"});
    Stream page(pod.port(), prefix + "/heartbeat/s1");
    REQUIRE(page.until("data: ALIVE"));
    CHECK(stats(pod.port()).at("sse") == 1);
    CHECK(stats(pod.port()).at("gpu") == 0);
    page.leave();
    CHECK(eventually([&] { return stats(pod.port()).at("sse") == 0; }));
}

TEST_CASE("a cancelled job is over for its client while the GPU works on", "[gradio]") {
    Process pod({"--dialect=gradio5", "--service=60"});
    const auto joined = json::parse(post(pod.port(), prefix + "/queue/join", join_body("s1", "slow")).body());
    REQUIRE(eventually([&] { return stats(pod.port()).at("gpu") == 1; }));
    json::object cancel{{"session_hash", "s1"}, {"fn_index", 0}, {"event_id", joined.at("event_id")}};
    CHECK(post(pod.port(), prefix + "/cancel", json::serialize(cancel)).result_int() == 200);
    CHECK(kinds(messages(get(pod.port(), data_of("s1")).body())).back() == "close_stream");
    CHECK(stats(pod.port()).at("gpu") == 1);
}

TEST_CASE("a call is two requests of curl", "[gradio]") {
    Process pod({"--dialect=gradio5"});
    const std::string call = prefix + "/call/txt2img";
    const auto joined = json::parse(post(pod.port(), call, R"({"data":["pretty dog",7,4]})").body());
    const std::string said =
        get(pod.port(), call + "/" + std::string(joined.at("event_id").as_string())).body();
    CHECK_THAT(said, Catch::StartsWith("event: complete\ndata: [{") && Catch::Contains("pretty dog"));
    CHECK(post(pod.port(), prefix + "/call/nothing", "{}").result_int() == 404);
}

TEST_CASE("a generator says more and more, each time only what is new", "[gradio]") {
    Process pod({"--dialect=gradio5"});
    post(pod.port(), prefix + "/queue/join", join_body("s1", "tale", 1));
    const auto all = messages(get(pod.port(), data_of("s1")).body());
    const auto& first = the(all, "process_generating");
    CHECK(first.at("output").at("data").at(0) == "tale, step 1");
    CHECK(the(all, "process_completed").at("output").at("data").at(0) == "tale, step 4");
}

TEST_CASE("a function without the GPU passes those that wait for it", "[gradio]") {
    Process pod({"--dialect=gradio5", "--service=60"});
    post(pod.port(), prefix + "/queue/join", join_body("s1", "slow"));
    post(pod.port(), prefix + "/queue/join", join_body("s2", "a b c", 2));
    const auto all = messages(get(pod.port(), data_of("s2")).body());
    CHECK(the(all, "process_completed").at("output").at("data").at(0) == "3/75");
    CHECK(post(pod.port(), prefix + "/run/count_tokens", R"({"data":["a b"]})").result_int() == 200);
    CHECK(post(pod.port(), prefix + "/run/txt2img", R"({"data":["a b"]})").result_int() == 401);
}

TEST_CASE("the page's own address is what the proxy in front says", "[gradio]") {
    Process pod({"--dialect=gradio5"});
    const auto root = [&](std::vector<std::pair<std::string, std::string>> headers) {
        const Response config = Client(pod.port()).ask(http::verb::get, "/config", "", headers);
        return std::string(json::parse(config.body()).at("root").as_string());
    };
    CHECK(root({}) == "http://pod.test");
    CHECK(root({{"X-Forwarded-Host", "sd.example:8443"}, {"X-Forwarded-Proto", "https, http"}}) ==
          "https://sd.example:8443");
}

TEST_CASE("an upload to a Gradio 5 app is a file of this process", "[gradio]") {
    Process pod({"--dialect=gradio5"});
    const std::string form =
        "--x\r\nContent-Disposition: form-data; name=\"files\"; filename=\"a.png\"\r\n\r\nPNG\r\n--x--\r\n";
    const Response answer = Client(pod.port())
                                .ask(http::verb::post, prefix + "/upload", form,
                                     {{"Content-Type", "multipart/form-data; boundary=x"}});
    const std::string path(json::parse(answer.body()).at(0).as_string());
    CHECK(get(pod.port(), prefix + "/file=" + path).body() == "PNG");
}

TEST_CASE("a job's crash comes while it runs, and resets its stream", "[gradio]") {
    Process pod({"--dialect=gradio5", "--service=0.2", "--fault=crash:at=0.5"});
    CHECK(post(pod.port(), prefix + "/queue/join", join_body("s1", "doomed")).result_int() == 200);
    Stream stream(pod.port(), data_of("s1"));
    CHECK(stream.until("process_starts"));
    CHECK_FALSE(stream.until("process_completed"));
    CHECK(pod.wait() == 137);
}

TEST_CASE("a job that hangs keeps the GPU until the fault is taken back", "[gradio]") {
    Process pod({"--dialect=gradio5", "--fault=hang:times=1"});
    post(pod.port(), prefix + "/queue/join", join_body("s1", "stuck"));
    Stream stream(pod.port(), data_of("s1"));
    CHECK(stream.until("process_starts"));
    CHECK(stats(pod.port()).at("gpu") == 1);
    post(pod.port(), "/stub/fault", R"({"fault":"none"})");
    CHECK(stream.until("process_completed"));
}

TEST_CASE("a job that fails completes without success", "[gradio]") {
    Process pod({"--dialect=gradio5", "--fault=error"});
    post(pod.port(), prefix + "/queue/join", join_body("s1", "too large"));
    const auto all = messages(get(pod.port(), data_of("s1")).body());
    CHECK(the(all, "process_completed").at("success") == false);
}

TEST_CASE("Forge has both the WebUI's API and a queue without a prefix, on one lock", "[gradio]") {
    Process pod({"--dialect=forge", "--service=0.3"});
    const auto config = json::parse(get(pod.port(), "/config").body());
    CHECK(config.at("version") == "4.40.0");
    CHECK(config.at("api_prefix") == "");
    post(pod.port(), "/queue/join",
         R"x({"fn_index":0,"session_hash":"s1","data":["task(abc)","pretty dog",7,4]})x");
    REQUIRE(eventually([&] { return stats(pod.port()).at("gpu") == 1; }));
    const Response image = post(pod.port(), "/sdapi/v1/txt2img", "{}");
    CHECK(image.result_int() == 200);
    CHECK(image.count("x-process-time") == 0);
    const auto now = stats(pod.port());
    CHECK(now.at("gpuMax") == 1);
    CHECK(now.at("waitMax") == 1);
    CHECK(now.at("runs").at(0).at("task") == "task(abc)");
}
