// Whether a revision goes on with another gateway.
#include "proxy/control/fingerprint.hpp"

#include <catch2/catch.hpp>

using proxy::fingerprint;

TEST_CASE("what the pods run is in the fingerprint, what changes live is not", "[upgrade]") {
    manifest::Service service;
    service.container.image = "sd:1";
    const auto before = fingerprint(service);
    auto other = service;
    other.scaling.max_scale = 9;
    other.timeout = std::chrono::seconds(7);
    CHECK(fingerprint(other) == before);

    const auto differs = [&](auto change) {
        auto changed = service;
        change(changed);
        return fingerprint(changed) != before;
    };
    CHECK(differs([](auto& s) { s.container.image = "sd:2"; }));
    CHECK(differs([](auto& s) { s.container.args = {"--api"}; }));
    CHECK(differs([](auto& s) { s.container.command = {"--api"}; }));
    CHECK(differs([](auto& s) { s.container.env = {{"A", "1"}}; }));
    CHECK(differs([](auto& s) { s.container.gpus = 2; }));
    CHECK(differs([](auto& s) { s.container.readiness = pods::Probe{}; }));
    CHECK(differs([](auto& s) { ++s.container_concurrency; }));
}

TEST_CASE("two lists that differ in where one value ends have different fingerprints", "[upgrade]") {
    manifest::Service a, b;
    a.container.args = {"ab", "c"};
    b.container.args = {"a", "bc"};
    CHECK(fingerprint(a) != fingerprint(b));
}
