// Host names and whose they are.
#include "router/routes.hpp"

#include <catch2/catch.hpp>
#include <utility>

using router::normalize_host;
using router::Routes;

TEST_CASE("a host is compared without case, port and one trailing dot", "[routes]") {
    const auto [sent, known] = GENERATE(table<std::string, std::string>({
        {"sd.default.example.com", "sd.default.example.com"},
        {"SD.Default.EXAMPLE.com", "sd.default.example.com"},
        {"sd.default.example.com:8080", "sd.default.example.com"},
        {"sd.default.example.com.", "sd.default.example.com"},
        {"sd.default.example.com.:8080", "sd.default.example.com"},
        {"sd.default.example.com..", "sd.default.example.com."},
        {"127.0.0.1:80", "127.0.0.1"},
        {"[::1]:80", "[::1]"},
        {"[::1]", "[::1]"},
        {"[FE80::A]", "[fe80::a]"},
        {"", ""},
        {":80", ""},
        {".", ""},
        {"[", "["},
    }));
    CAPTURE(sent);
    CHECK(normalize_host(sent) == known);
}

TEST_CASE("a route is found however the host is spelt", "[routes]") {
    Routes routes;
    CHECK(routes.add("SD.default.example.com", 0));
    CHECK(routes.add("other.default.example.com.", 1));
    CHECK(routes.find("sd.default.example.com:8080") == 0u);
    CHECK(routes.find("Other.default.example.com") == 1u);
}

TEST_CASE("nobody's host is nobody's, unless there is a default service", "[routes]") {
    Routes routes;
    routes.add("sd.default.example.com", 0);
    CHECK_FALSE(routes.find("default.example.com"));
    CHECK_FALSE(routes.find("a.sd.default.example.com"));
    CHECK_FALSE(routes.find(""));
    routes.set_default(3);
    CHECK(routes.find("default.example.com") == 3u);
    CHECK(routes.find("") == 3u);
    CHECK(routes.find("sd.default.example.com") == 0u);
}

TEST_CASE("a host that is taken stays with whom it has", "[routes]") {
    Routes routes;
    CHECK(routes.add("a.example.com", 0));
    CHECK_FALSE(routes.add("A.example.com", 1));
    CHECK(routes.add("a.example.com", 0));
    CHECK(routes.find("a.example.com") == 0u);
}
