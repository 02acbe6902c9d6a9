// What is sent to a pod to stop the work of a client who has left.
#include "proxy/traffic/stopper.hpp"

#include "heads.hpp"

using namespace proxy;

TEST_CASE("a generation is stopped by its own dialect's interrupt", "[stopper]") {
    const auto target = [](std::string_view path) {
        const auto question =
            interrupt_for(request(lines({"POST " + std::string(path) + " HTTP/1.1", "Host: a"})));
        return question ? question->method + " " + question->target : "nothing";
    };
    CHECK(target("/sdapi/v1/txt2img") == "POST /sdapi/v1/interrupt");
    CHECK(target("/sdapi/v1/img2img?x=1") == "POST /sdapi/v1/interrupt");
    CHECK(target("/prompt") == "POST /interrupt");
    CHECK(target("/api/prompt") == "POST /interrupt");
    CHECK(target("/v1/images/generations") == "nothing");
    CHECK(target("/render") == "nothing");
}

TEST_CASE("an interrupt goes to the host and with the password that the request had", "[stopper]") {
    const auto question = interrupt_for(
        request(lines({"POST /sdapi/v1/txt2img HTTP/1.1", "Host: sd.example", "Authorization: Basic dTpw"})));
    REQUIRE(question);
    CHECK(question->host == "sd.example");
    CHECK(question->authorization == "Basic dTpw");
}
