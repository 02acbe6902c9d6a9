// Classes of requests (AUTOMATIC1111's paths).
#include "router/classify.hpp"

#include <catch2/catch.hpp>
#include <string>

using router::Class;
using router::classify;
using router::Profile;

TEST_CASE("the class of a request is that of the first rule that matches", "[classify]") {
    const auto [letter, method, path, accept] = GENERATE(table<char, std::string, std::string, std::string>({
        {'G', "POST", "/sdapi/v1/txt2img", ""},
        {'G', "POST", "/sdapi/v1/img2img", "text/html"},
        {'G', "POST", "/sdapi/v1/options", ""},  // loads a checkpoint
        {'L', "GET", "/sdapi/v1/options", ""},
        {'L', "HEAD", "/sdapi/v1/progress", ""},
        {'L', "POST", "/sdapi/v1/interrupt", ""},
        {'L', "POST", "/sdapi/v1/skip", ""},
        {'L', "POST", "/sdapi/v1/png-info", ""},
        {'D', "POST", "/sdapi/v1/server-kill", ""},
        {'D', "POST", "/sdapi/v1/server-restart", ""},
        {'D', "POST", "/sdapi/v1/shutdown", ""},
        {'L', "POST", "/internal/progress", ""},
        {'L', "GET", "/internal/ping", "text/html"},
        {'L', "POST", "/upload", ""},
        {'L', "POST", "/login", ""},
        {'N', "GET", "/", ""},
        {'N', "HEAD", "/", ""},
        {'N', "GET", "/config", ""},
        {'N', "GET", "/some/page", "text/html,application/xhtml+xml"},
        {'L', "GET", "/some/asset.js", "*/*"},
        {'L', "GET", "/file=style.css", ""},
        {'L', "OPTIONS", "/sdapi/v1/txt2img", ""},
        {'L', "OPTIONS", "*", ""},
        {'G', "POST", "/", ""},
        {'G', "POST", "/run/predict", ""},
        {'G', "DELETE", "/anything", ""},
        {'G', "PUT", "/sdapi/v1/txt2img", ""},
        {'G', "POST", "", ""},
        {'G', "post", "/sdapi/v1/interrupt", ""},  // methods have a case
    }));
    CAPTURE(method, path, accept);
    const auto classified = classify(Profile::automatic, method, path, accept);
    CHECK(router::letter(classified.what) == letter);
    CHECK_FALSE(classified.rule.empty());
}

TEST_CASE("another spelling of a path does not get round its rule", "[classify]") {
    const auto path = GENERATE(as<std::string>{}, "/sdapi/v1/server%2Dkill", "/sdapi/v1/server%2dkill",
                               "/%73dapi/v1/server-kill", "/sdapi/v1/%73hutdown", "/sdapi%2Fv1%2fshutdow%6E");
    CAPTURE(path);
    CHECK(classify(Profile::automatic, "POST", path, "").what == Class::denied);
}

TEST_CASE("a percent sign that encodes nothing is a percent sign", "[classify]") {
    const auto path = GENERATE(as<std::string>{}, "%", "/%", "/%2", "/%zz", "/%2g", "/100%", "/%%32%35");
    CAPTURE(path);
    CHECK(classify(Profile::automatic, "GET", path, "").what == Class::light);
}

TEST_CASE("what is decoded once is not decoded again", "[classify]") {
    CHECK(classify(Profile::automatic, "POST", "/sdapi/v1/server%252Dkill", "").what == Class::generation);
}

TEST_CASE("strict is plain Knative: everything takes a slot", "[classify]") {
    const auto [method, path] = GENERATE(table<std::string, std::string>(
        {{"GET", "/"}, {"GET", "/internal/ping"}, {"POST", "/sdapi/v1/server-kill"}, {"OPTIONS", "*"}}));
    CHECK(classify(Profile::strict, method, path, "text/html").what == Class::generation);
}
