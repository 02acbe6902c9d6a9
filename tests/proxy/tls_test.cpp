// Which hosts a certificate is for, and how long tickets can be used.
#include <catch2/catch.hpp>

#include "proxy/tls/credentials.hpp"
#include "proxy/tls/names.hpp"
#include "proxy/tls/tickets.hpp"

using namespace proxy;
using namespace std::chrono_literals;

TEST_CASE("a certificate covers its names and one label for a wildcard", "[tls]") {
    CHECK(covers("a.example.org", "a.example.org"));
    CHECK_FALSE(covers("a.example.org", "b.example.org"));
    CHECK_FALSE(covers("a.example.org", "a.example.org.evil.net"));
    CHECK(covers("*.example.org", "a.example.org"));
    CHECK_FALSE(covers("*.example.org", "example.org"));
    CHECK_FALSE(covers("*.example.org", ".example.org"));
    CHECK_FALSE(covers("*.example.org", "a.b.example.org"));
    CHECK_FALSE(covers("*.org", "example.org"));
    CHECK_FALSE(covers("*", "org"));
    CHECK_FALSE(covers("a*.example.org", "ab.example.org"));
    CHECK_FALSE(covers("a.*.org", "a.b.org"));
    CHECK(covers("127.0.0.1", "127.0.0.1"));
    CHECK_FALSE(covers("*.0.0.1", "127.0.0.1"));
    CHECK(covers("[::1]", "[::1]"));
    CHECK_FALSE(covers("", ""));
    CHECK_FALSE(covers(std::vector<std::string>{}, "a"));
    CHECK(covers(std::vector<std::string>{"b.example.org", "*.example.net"}, "a.example.net"));
}

TEST_CASE("a ticket is opened for one period after the one that its key was made in", "[tls]") {
    TicketKeys keys(12h);
    const pods::TimePoint start{1000h};
    const auto first = keys.to_seal(start);
    CHECK(keys.to_seal(start + 11h).name == first.name);
    REQUIRE(keys.to_open(first.name.data(), start + 11h));
    CHECK_FALSE(keys.to_open(first.name.data(), start + 11h)->old);
    const auto second = keys.to_seal(start + 12h);
    CHECK(second.name != first.name);
    CHECK(second.cipher != first.cipher);
    REQUIRE(keys.to_open(first.name.data(), start + 13h));
    CHECK(keys.to_open(first.name.data(), start + 13h)->old);
    CHECK(keys.to_open(first.name.data(), start + 13h)->key.mac == first.mac);
    CHECK_FALSE(keys.to_open(first.name.data(), start + 24h));
}

TEST_CASE("after a long silence no old key opens anything", "[tls]") {
    TicketKeys keys(12h);
    const pods::TimePoint start{1000h};
    const auto first = keys.to_seal(start);
    CHECK_FALSE(keys.to_open(first.name.data(), start + 24h));
}

TEST_CASE("what is wrong with a certificate is said with its place in the manifest", "[tls]") {
    manifest::Gateway gateway;
    gateway.listeners.front().tls.emplace();
    gateway.listeners.front().tls->certificates.push_back(
        {TEST_DATA "/none.pem",
         TEST_DATA "/none.key",
         {"a.yaml", 7, 9, "spec.listeners[0].tls.certificates[0]"}});
    auto problems = look_at_certificates(gateway, 0);
    REQUIRE(problems.size() == 1);
    CHECK(problems[0] == manifest::Problem{"a.yaml", 7, 9,
                                           "spec.listeners[0].tls.certificates[0]: " TEST_DATA
                                           "/none.pem: No such file or directory"});
    gateway.listeners.front().tls->certificates[0].certificate = "/dev/zero";
    CHECK(look_at_certificates(gateway, 0)[0].text.ends_with("/dev/zero: it is no regular file"));
}
