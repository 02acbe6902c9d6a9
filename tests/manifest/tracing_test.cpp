// spec.tracing of a Gateway.
#include <catch2/catch.hpp>

#include "manifest/tracing.hpp"
#include "tests/manifest/helpers.hpp"

using namespace manifest;
using namespace manifest::test;
using namespace std::chrono_literals;

namespace {

manifest::Loaded with_tracing(const std::string& text) {
    return load_text(gateway_with("\n  tracing: " + text + "\n"));
}

std::string problems_of_tracing(const std::string& text) {
    return lines(with_tracing(text).problems);
}

}  // namespace

TEST_CASE("a collector's address says scheme, host, port and path", "[tracing]") {
    const auto plain = parse_collector("http://127.0.0.1:4318");
    REQUIRE(plain);
    CHECK_FALSE(plain->tls);
    CHECK(plain->host == "127.0.0.1");
    CHECK(plain->port == 4318);
    CHECK(plain->path == "/v1/traces");
    const auto secure = parse_collector("https://[::1]/otlp/v1/traces");
    REQUIRE(secure);
    CHECK(secure->tls);
    CHECK(secure->host == "::1");
    CHECK(secure->port == 443);
    CHECK(secure->path == "/otlp/v1/traces");
}

TEST_CASE("what is no collector's address is refused", "[tracing]") {
    for (const auto* bad : {"", "127.0.0.1:4318", "grpc://a:4317", "http://", "http://:80",
                            "http://a:", "http://a:0", "http://a:70000", "http://a:80x", "http://u:p@a:80",
                            "http://a/?x", "http://a b/", "http://[::1", "http://[a]:80", "http://a]:80"}) {
        INFO(bad);
        CHECK_FALSE(parse_collector(bad));
    }
}

TEST_CASE("tracing is off unless a Gateway says where spans go", "[tracing]") {
    CHECK_FALSE(load_text(gateway_with("")).configuration->gateway.tracing);
    CHECK(problems_of_tracing("{ratio: 0.5}").find("spec.tracing.endpoint") != std::string::npos);
}

TEST_CASE("every field of spec.tracing takes effect", "[tracing]") {
    const auto loaded = with_tracing(
        "{endpoint: \"https://c.example/x\", ratio: 0.25, parent: trusted, serviceName: gw, caFile: "
        "/ca.pem,\n"
        "    headers: [{name: X-Key, value: a b}, {name: Authorization, valueFile: /token}],\n"
        "    interval: 200ms, timeout: 3s, queue: 100}");
    INFO(lines(loaded.problems));
    REQUIRE(loaded.configuration);
    const auto& tracing = *loaded.configuration->gateway.tracing;
    CHECK(tracing.collector.path == "/x");
    CHECK(tracing.ratio == 0.25);
    CHECK(tracing.parent == Parent::trusted);
    CHECK(tracing.service_name == "gw");
    CHECK(tracing.ca_file == "/ca.pem");
    CHECK(tracing.headers ==
          std::vector<ExportHeader>{{"X-Key", "a b", ""}, {"Authorization", "", "/token"}});
    CHECK(tracing.interval == 200ms);
    CHECK(tracing.timeout == 3s);
    CHECK(tracing.queue == 100);
}

TEST_CASE("what is wrong with spec.tracing is said", "[tracing]") {
    CHECK(problems_of_tracing("{endpoint: \"collector:4318\"}").find("OTLP over HTTP") != std::string::npos);
    const std::string good = "endpoint: \"http://c\"";
    for (const auto* bad : {"ratio: 2", "ratio: often", "parent: never", "headers: [{name: a b, value: x}]",
                            "headers: [{name: Host, value: x}]", "headers: [{name: A}]",
                            "headers: [{name: A, value: x, valueFile: y}]", "caFile: /x", "queue: 1",
                            "interval: 1h", "ration: 1"}) {
        INFO(bad);
        CHECK_FALSE(problems_of_tracing("{" + good + ", " + bad + "}").empty());
    }
}

TEST_CASE("a header's value is not repeated in messages", "[tracing]") {
    CHECK(problems_of_tracing("{endpoint: \"http://c\", headers: [{name: A, value: \"s3cret\\n\"}]}")
              .find("s3cret") == std::string::npos);
}
