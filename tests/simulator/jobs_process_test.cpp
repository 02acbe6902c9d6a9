// sd-simulator as stable-diffusion.cpp's server, as ComfyUI and as SD.Next.
#include <sys/socket.h>
#include <sys/time.h>
#include <boost/beast/websocket.hpp>

#include <catch2/catch.hpp>

#include "process.hpp"
#include "simulator/encode.hpp"
#include "simulator/png.hpp"

using namespace simulator_test;

namespace {

std::string text(const json::value& value) {
    return std::string(value.as_string());
}

std::string workflow(const std::string& client, const std::string& prompt) {
    return R"({"client_id":")" + client + R"(","prompt":{
      "3":{"class_type":"KSampler","inputs":{"seed":7,"steps":4,"positive":["6",0],"latent_image":["5",0]}},
      "5":{"class_type":"EmptyLatentImage","inputs":{"width":64,"height":64}},
      "6":{"class_type":"CLIPTextEncode","inputs":{"text":")" +
           prompt + R"("}},
      "8":{"class_type":"VAEDecode","inputs":{"samples":["3",0]}},
      "9":{"class_type":"SaveImage","inputs":{"images":["8",0]}}}})";
}

// A page's socket. Every read ends after ten seconds at the latest.
class Page {
public:
    Page(std::uint16_t port, const std::string& target, const std::string& origin = "") : stream_(context_) {
        auto& socket = stream_.next_layer();
        socket.connect({asio::ip::address_v4::loopback(), port});
        const timeval patience{10, 0};
        ::setsockopt(socket.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        stream_.set_option(
            beast::websocket::stream_base::decorator([origin](beast::websocket::request_type& request) {
                if (!origin.empty()) request.set(http::field::origin, origin);
            }));
        stream_.handshake("127.0.0.1:" + std::to_string(port), target, error_);
    }
    bool opened() const { return !error_; }
    // The types of all messages up to one that `last` says is it; binary ones are "preview".
    std::vector<std::string> until(const std::function<bool(const json::object&)>& last) {
        std::vector<std::string> types;
        while (true) {
            beast::flat_buffer buffer;
            stream_.read(buffer);
            const std::string message = beast::buffers_to_string(buffer.data());
            if (stream_.got_binary()) {
                types.push_back(message.substr(0, 8) == std::string("\0\0\0\1\0\0\0\2", 8) ? "preview"
                                                                                           : "binary");
                continue;
            }
            const auto parsed = json::parse(message).as_object();
            types.push_back(text(parsed.at("type")));
            if (last(parsed)) return types;
        }
    }

private:
    asio::io_context context_;
    beast::websocket::stream<tcp::socket> stream_;
    boost::system::error_code error_;
};

bool ends(const json::object& message) {
    return message.at("type") == "executing" && message.at("data").at("node").is_null();
}

}  // namespace

TEST_CASE("a job of sd.cpp is accepted, polled and done", "[sdcpp]") {
    Process pod({"--dialect=sdcpp"});
    const Response accepted =
        post(pod.port(), "/sdcpp/v1/img_gen", R"({"prompt":"pretty dog","batch_count":2})");
    CHECK(accepted.result_int() == 202);
    const std::string poll = text(parsed(accepted).at("poll_url"));
    REQUIRE(eventually([&] { return parsed(get(pod.port(), poll)).at("status") == "completed"; }));
    const auto job = parsed(get(pod.port(), poll));
    CHECK(job.at("result").at("images").as_array().size() == 2);
    const auto png = simulator::unbase64(text(job.at("result").at("images").at(0).at("b64_json")));
    CHECK_THAT(simulator::png_parameters(png), Catch::StartsWith("pretty dog\n"));
    CHECK(get(pod.port(), "/sdcpp/v1/jobs/job_other").result_int() == 404);
    CHECK(post(pod.port(), "/sdcpp/v1/img_gen", "").result_int() == 400);
}

TEST_CASE("a waiting job of sd.cpp can be cancelled, a running one cannot", "[sdcpp]") {
    Process pod({"--dialect=sdcpp", "--service=60"});
    const auto start = [&] {
        return text(parsed(post(pod.port(), "/sdcpp/v1/img_gen", "{}")).at("poll_url"));
    };
    const std::string runs = start();
    REQUIRE(eventually([&] { return parsed(get(pod.port(), runs)).at("status") == "generating"; }));
    const std::string waits = start();
    REQUIRE(eventually([&] { return stats(pod.port()).at("waiting") == 1; }));
    CHECK(parsed(get(pod.port(), waits)).at("queue_position") == 1);
    CHECK(post(pod.port(), runs + "/cancel").result_int() == 409);
    CHECK(parsed(post(pod.port(), waits + "/cancel")).at("status") == "cancelled");
    CHECK(eventually([&] { return stats(pod.port()).at("waiting") == 0; }));
}

TEST_CASE("a full queue of sd.cpp refuses the next job", "[sdcpp]") {
    Process pod({"--dialect=sdcpp", "--service=60"});
    Client client(pod.port());
    for (int i = 0; i < 64; ++i)
        REQUIRE(client.ask(http::verb::post, "/sdcpp/v1/img_gen", "{}").result_int() == 202);
    const Response full = client.ask(http::verb::post, "/sdcpp/v1/img_gen", "{}");
    CHECK(full.result_int() == 429);
    CHECK(parsed(full).at("error") == "job queue is full");
}

TEST_CASE("sd.cpp also answers in the OpenAI and the WebUI form", "[sdcpp]") {
    Process pod({"--dialect=sdcpp"});
    const auto made =
        parsed(post(pod.port(), "/v1/images/generations", R"({"prompt":"dog","n":2,"size":"64x128"})"));
    CHECK(made.at("data").as_array().size() == 2);
    CHECK(parsed(post(pod.port(), "/sdapi/v1/txt2img", "{}")).at("images").as_array().size() == 1);
    CHECK(get(pod.port(), "/sdapi/v1/progress").result_int() == 404);
    CHECK(get(pod.port(), "/v1/models").result_int() == 200);
}

TEST_CASE("a failed job of sd.cpp says why", "[sdcpp]") {
    Process pod({"--dialect=sdcpp", "--fault=error"});
    const std::string poll = text(parsed(post(pod.port(), "/sdcpp/v1/img_gen", "{}")).at("poll_url"));
    REQUIRE(eventually([&] { return parsed(get(pod.port(), poll)).at("status") == "failed"; }));
    CHECK(parsed(get(pod.port(), poll)).at("error").at("code") == "generation_failed");
}

TEST_CASE("a page of ComfyUI hears of its prompt from the queue to the image", "[comfy]") {
    Process pod({"--dialect=comfy", "--service=0.1"});
    Page page(pod.port(), "/ws?clientId=me");
    REQUIRE(page.until([](const auto& m) { return m.at("data").as_object().contains("sid"); }).size() == 1);
    CHECK(stats(pod.port()).at("ws") == 1);
    const auto queued = parsed(post(pod.port(), "/prompt", workflow("me", "pretty dog")));
    CHECK(queued.at("node_errors").as_object().empty());
    CHECK(page.until(ends) ==
          std::vector<std::string>{"status",    "status",    "execution_start",   "execution_cached",
                                   "executing", "executing", "executing",         "progress",
                                   "preview",   "progress",  "preview",           "progress",
                                   "preview",   "progress",  "preview",           "executing",
                                   "executing", "executed",  "execution_success", "status",
                                   "executing"});
    const std::string id = text(queued.at("prompt_id"));
    const auto entry = parsed(get(pod.port(), "/history/" + id)).at(id);
    CHECK(entry.at("status").at("completed") == true);
    const auto image = entry.at("outputs").at("9").at("images").at(0);
    const std::string target = "/view?filename=" + text(image.at("filename")) + "&type=output&subfolder=";
    CHECK_THAT(simulator::png_parameters(get(pod.port(), target).body()), Catch::StartsWith("pretty dog\n"));
    CHECK(get(pod.port(), "/view?filename=other.png").result_int() == 404);
}

TEST_CASE("ComfyUI's queue counts what runs and what waits until both are history", "[comfy]") {
    Process pod({"--dialect=comfy", "--service=0.4"});
    const auto remaining = [&] {
        return parsed(get(pod.port(), "/prompt")).at("exec_info").at("queue_remaining").as_int64();
    };
    CHECK(remaining() == 0);
    post(pod.port(), "/api/prompt", workflow("me", "first"));
    post(pod.port(), "/prompt", workflow("me", "second"));
    CHECK(remaining() == 2);
    REQUIRE(eventually([&] { return stats(pod.port()).at("waiting") == 1; }));
    const auto queue = parsed(get(pod.port(), "/api/queue"));
    CHECK(queue.at("queue_running").as_array().size() == 1);
    CHECK(queue.at("queue_pending").as_array().size() == 1);
    CHECK(eventually([&] { return remaining() == 0; }));
    CHECK(parsed(get(pod.port(), "/history")).size() == 2);
    CHECK(stats(pod.port()).at("gpuMax") == 1);
}

TEST_CASE("an interrupt with another prompt's id leaves ComfyUI's running prompt alone", "[comfy]") {
    Process pod({"--dialect=comfy", "--service=60"});
    const std::string id = text(parsed(post(pod.port(), "/prompt", workflow("me", "slow"))).at("prompt_id"));
    REQUIRE(eventually([&] { return stats(pod.port()).at("gpu") == 1; }));
    post(pod.port(), "/interrupt", R"({"prompt_id":"other"})");
    CHECK(stats(pod.port()).at("interrupts") == 0);
}

TEST_CASE("an interrupted prompt is history without success", "[comfy]") {
    Process pod({"--dialect=comfy", "--service=2"});
    Page page(pod.port(), "/ws?clientId=me");
    const std::string id = text(parsed(post(pod.port(), "/prompt", workflow("me", "slow"))).at("prompt_id"));
    REQUIRE(eventually([&] { return stats(pod.port()).at("gpu") == 1; }));
    post(pod.port(), "/interrupt", json::serialize(json::object{{"prompt_id", id}}));
    const auto types = page.until(ends);
    CHECK(std::ranges::count(types, std::string("execution_interrupted")) == 1);
    CHECK(std::ranges::count(types, std::string("execution_success")) == 0);
    CHECK(parsed(get(pod.port(), "/history/" + id)).at(id).at("status").at("completed") == false);
    CHECK(stats(pod.port()).at("runs").at(0).at("interrupted") == true);
}

TEST_CASE("a prompt can be taken out of ComfyUI's line", "[comfy]") {
    Process pod({"--dialect=comfy", "--service=60"});
    post(pod.port(), "/prompt", workflow("me", "runs"));
    REQUIRE(eventually([&] { return stats(pod.port()).at("gpu") == 1; }));
    const std::string id = text(parsed(post(pod.port(), "/prompt", workflow("me", "waits"))).at("prompt_id"));
    REQUIRE(eventually([&] { return stats(pod.port()).at("waiting") == 1; }));
    post(pod.port(), "/queue", json::serialize(json::object{{"delete", json::array{id}}}));
    CHECK(eventually([&] { return stats(pod.port()).at("waiting") == 0; }));
    CHECK(parsed(get(pod.port(), "/prompt")).at("exec_info").at("queue_remaining") == 1);
}

TEST_CASE("ComfyUI refuses a prompt that it cannot run", "[comfy]") {
    Process pod({"--dialect=comfy"});
    CHECK(parsed(post(pod.port(), "/prompt", "{}")).at("error").at("type") == "no_prompt");
    CHECK(post(pod.port(), "/prompt", R"({"prompt":{}})").result_int() == 400);
}

TEST_CASE("ComfyUI refuses a foreign page, on its socket too", "[comfy]") {
    Process pod({"--dialect=comfy"});
    const auto ask = [&](const std::string& origin) {
        Client client(pod.port());
        return client.ask(http::verb::get, "/queue", "", {{"Host", "127.0.0.1:8188"}, {"Origin", origin}})
            .result_int();
    };
    CHECK(ask("http://evil.example") == 403);
    CHECK(ask("http://127.0.0.1:8188") == 200);
    CHECK_FALSE(Page(pod.port(), "/ws", "http://evil.example").opened());
    CHECK(Page(pod.port(), "/api/ws", "http://127.0.0.1:" + std::to_string(pod.port())).opened());
}

TEST_CASE("SD.Next is the WebUI with a log", "[sdnext]") {
    Process pod({"--dialect=sdnext"});
    post(pod.port(), "/sdapi/v1/txt2img", "{}");
    CHECK(json::parse(get(pod.port(), "/sdapi/v1/log").body()).as_array().size() == 1);
    CHECK(get(pod.port(), "/sdapi/v1/progress").result_int() == 200);
}
