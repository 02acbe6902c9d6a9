// Names and addresses.
#include <catch2/catch.hpp>

#include "manifest/names.hpp"

using namespace manifest;

TEST_CASE("names are what Kubernetes lets them be", "[manifest]") {
    const std::string longest(63, 'a');
    for (const auto& name : {std::string("a"), std::string("my-name"), std::string("123-abc"), longest})
        CHECK(not_dns1123_label(name).empty());
    for (const auto& name : {std::string(""), std::string("-a"), std::string("a-"), std::string("A"),
                             std::string("a.b"), std::string("a_b"), std::string("\xc3\xa9"), longest + "a"})
        CHECK(!not_dns1123_label(name).empty());
    CHECK(not_dns1035_label("abc-123").empty());
    CHECK(!not_dns1035_label("123-abc").empty());
    CHECK(not_dns1123_subdomain("sd.example.com").empty());
    for (const auto* name : {"", ".", "a..b", "a.", ".a", "A.b", "a.-b", "*.example.com"})
        CHECK(!not_dns1123_subdomain(name).empty());
    CHECK(!not_dns1123_subdomain(std::string(254, 'a')).empty());
    CHECK(not_env_name("MY_ENV.NAME-1").empty());
    for (const auto* name : {"", "1A", "A B", "A=B"}) CHECK(!not_env_name(name).empty());
    CHECK(is_token("sd_session"));
    for (const auto* name : {"", "a b", "a;b", "a=b", "a,b", "\xc3\xa9"}) CHECK(!is_token(name));
}

TEST_CASE("addresses are numbers, never names", "[manifest]") {
    CHECK(parse_address("127.0.0.1:7860") == pods::Address{"127.0.0.1", 7860});
    CHECK(parse_address("[::1]:7860") == pods::Address{"::1", 7860});
    for (const auto* text :
         {"", ":1", "localhost:80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "::1:80",
          "[127.0.0.1]:80", "[::1]", "256.0.0.1:80", "127.0.0.1:+80x"})
        CHECK(!parse_address(text));
    for (const auto* text : {"10.0.0.0/8", "10.1.2.3", "::1", "fd00::/8", "0.0.0.0/0"})
        CHECK(is_network(text));
    for (const auto* text :
         {"", "/8", "10.0.0.0/33", "10.0.0.0/-1", "fd00::/129", "10.0.0.0/", "example.com"})
        CHECK(!is_network(text));
}
