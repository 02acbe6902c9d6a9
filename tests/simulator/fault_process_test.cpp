// The faults of sd-simulator as a client meets them.
#include <catch2/catch.hpp>

#include "process.hpp"

using namespace simulator_test;

namespace {

void arm(const Process& pod, const std::string& fault) {
    const Response response = post(pod.port(), "/stub/fault", fault);
    CAPTURE(response.body());
    REQUIRE(response.result_int() == 200);
}

boost::system::error_code asked(Client& client, Response& response) {
    client.send(http::verb::post, txt2img_path, "{}");
    return client.try_receive(response);
}

}  // namespace

TEST_CASE("a crash resets the connection before any byte and ends with 137", "[fault]") {
    Process pod({"--fault=crash:nth=2"});
    CHECK(post(pod.port(), txt2img_path).result_int() == 200);
    Client client(pod.port());
    Response response;
    CHECK(asked(client, response) == asio::error::connection_reset);
    CHECK(pod.wait() == 137);
}

TEST_CASE("an error is the WebUI's out of memory", "[fault]") {
    Process pod({});
    arm(pod, R"({"fault":"error","times":1})");
    const Response response = post(pod.port(), txt2img_path);
    CHECK(response.result_int() == 500);
    CHECK(json::parse(response.body()).at("error") == "OutOfMemoryError");
    CHECK(post(pod.port(), txt2img_path).result_int() == 200);
}

TEST_CASE("a hanging generation keeps the lock until the fault is taken back", "[fault]") {
    Process pod({});
    arm(pod, R"({"fault":"hang","times":1})");
    Client hanging(pod.port()), next(pod.port());
    hanging.send(http::verb::post, txt2img_path, "{}");
    REQUIRE(eventually([&] { return stats(pod.port()).at("gpu") == 1; }));
    next.send(http::verb::post, txt2img_path, "{}");
    REQUIRE(eventually([&] { return stats(pod.port()).at("waiting") == 1; }));
    arm(pod, R"({"fault":"none"})");
    CHECK(hanging.receive().result_int() == 200);
    CHECK(next.receive().result_int() == 200);
}

TEST_CASE("a truncated body ends before its length", "[fault]") {
    Process pod({});
    arm(pod, R"({"fault":"truncate","at":0.25})");
    Client client(pod.port());
    Response response;
    CHECK(asked(client, response) == http::error::partial_message);
}

TEST_CASE("a dripping body arrives whole", "[fault]") {
    Process pod({});
    arm(pod, R"({"fault":"drip","rate":200000})");
    const Response response = post(pod.port(), txt2img_path);
    CHECK(response.body().size() == std::stoul(std::string(response[http::field::content_length])));
}

TEST_CASE("a closed port refuses connections and opens again", "[fault]") {
    Process pod({});
    arm(pod, R"({"fault":"refuse","seconds":1})");
    CHECK_THROWS_AS(Client(pod.port()), boost::system::system_error);
    CHECK(eventually([&] {
        try {
            return get(pod.port(), "/internal/ping").result_int() == 200;
        } catch (const boost::system::system_error&) {
            return false;
        }
    }));
}

TEST_CASE("a deaf connection is accepted and never answered", "[fault]") {
    Process pod({"--fault=deaf:times=1"});
    Client deaf(pod.port());
    deaf.send(http::verb::get, "/internal/ping");
    CHECK(eventually([&] { return stats(pod.port()).at("conns") == 2; }));
    CHECK(deaf.socket().available() == 0);
}

TEST_CASE("a reused connection is reset when a generation comes on it", "[fault]") {
    Process pod({"--fault=close"});
    Client client(pod.port());
    Response response;
    CHECK_FALSE(asked(client, response));
    CHECK(asked(client, response));
    CHECK(stats(pod.port()).at("runs").as_array().size() == 1);
}

TEST_CASE("a half-closed connection has ended after its answer", "[fault]") {
    Process pod({"--fault=half-close"});
    Client client(pod.port());
    Response response;
    CHECK_FALSE(asked(client, response));
    CHECK(client.try_receive(response) == http::error::end_of_stream);
}

TEST_CASE("memory runs out after so many images", "[fault]") {
    Process pod({"--fault=oom:images=2"});
    CHECK(post(pod.port(), txt2img_path).result_int() == 200);
    CHECK(post(pod.port(), txt2img_path).result_int() == 200);
    Client client(pod.port());
    Response response;
    CHECK(asked(client, response));
    CHECK(pod.wait() == 137);
}

TEST_CASE("a mounted path can be lost again", "[fault]") {
    Process pod({});
    arm(pod, R"({"fault":"not-found","times":1})");
    const Response lost = post(pod.port(), txt2img_path);
    CHECK(lost.result_int() == 404);
    CHECK(lost.count("x-process-time") == 0);
    CHECK(post(pod.port(), txt2img_path).result_int() == 200);
}

TEST_CASE("a generation beside another runs out of memory when told", "[fault]") {
    Process pod({"--service=600", "--overload=error"});
    Client first(pod.port());
    first.send(http::verb::post, txt2img_path, "{}");
    REQUIRE(eventually([&] { return stats(pod.port()).at("gpu") == 1; }));
    CHECK(post(pod.port(), txt2img_path).result_int() == 500);
    CHECK(stats(pod.port()).at("gpuMax") == 1);
}

TEST_CASE("a generation beside another shares the GPU when told", "[fault]") {
    Process pod({"--service=100", "--steps=1000", "--overload=slow"});
    Client first(pod.port()), second(pod.port());
    first.send(http::verb::post, txt2img_path, "{}");
    second.send(http::verb::post, txt2img_path, "{}");
    CHECK(eventually([&] { return stats(pod.port()).at("gpuMax") == 2; }));
    post(pod.port(), "/sdapi/v1/interrupt");
    CHECK(first.receive().result_int() == 200);
    CHECK(second.receive().result_int() == 200);
}

TEST_CASE("too many generations at once end the process when told", "[fault]") {
    Process pod({"--service=600", "--overload=crash:2"});
    Client first(pod.port()), second(pod.port());
    first.send(http::verb::post, txt2img_path, "{}");
    second.send(http::verb::post, txt2img_path, "{}");
    CHECK(pod.wait() == 137);
}

TEST_CASE("a fault that does not exist is refused with those that do", "[fault]") {
    Process pod({});
    const Response response = post(pod.port(), "/stub/fault", R"({"fault":"explode"})");
    CHECK(response.result_int() == 422);
    CHECK_THAT(response.body(), Catch::Contains("there are crash hang"));
    CHECK(post(pod.port(), "/stub/fault", "nonsense").result_int() == 422);
}
