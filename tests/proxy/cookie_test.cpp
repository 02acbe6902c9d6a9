// The affinity cookie: sealed, opened, forged; and Cookie fields.
#include "proxy/traffic/cookie.hpp"

#include <openssl/hmac.h>

#include <catch2/catch.hpp>
#include <set>

using namespace proxy;
using std::string;
using namespace std::chrono_literals;

namespace {

CookieKey key(unsigned char first = 1) {
    CookieKey::Octets octets{};
    octets[0] = first;
    return CookieKey(octets);
}

constexpr std::int64_t now = 1'800'000'000;
const Binding binding{0x0123456789abcdef, 0xfedcba9876543210, now};
constexpr std::string_view service = "default/knative-sd-demo";
constexpr std::string_view base64url = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

}  // namespace

TEST_CASE("a cookie that was sealed opens to what was in it", "[cookie]") {
    const auto value = key().seal(binding, service);
    const auto opened = key().open(value, service, now, 1800s);
    REQUIRE(opened);
    CHECK(opened->session == binding.session);
    CHECK(opened->pod == binding.pod);
    CHECK(opened->issued == binding.issued);
    CHECK(value.find_first_not_of(base64url) == string::npos);
}

TEST_CASE("a cookie with any octet changed is none", "[cookie]") {
    const auto value = key().seal(binding, service);
    for (std::size_t at = 0; at < value.size(); ++at)
        for (const char other : base64url) {
            if (other == value[at]) continue;
            auto forged = value;
            forged[at] = other;
            if (key().open(forged, service, now, 1800s)) FAIL("taken: " << forged);
        }
}

TEST_CASE("a cookie that is cut, longer or other text is none", "[cookie]") {
    const auto value = key().seal(binding, service);
    for (std::size_t size = 0; size < value.size(); ++size)
        CHECK_FALSE(key().open(value.substr(0, size), service, now, 1800s));
    for (const char more : base64url) CHECK_FALSE(key().open(value + more, service, now, 1800s));
    const auto other = GENERATE_COPY(as<string>{}, value + "=", value + "==", value + value, " " + value,
                                     value + " ", "\"" + value + "\"", string(54, 'A'), string(54, '\xff'),
                                     string(1 << 20, 'A'), "abc.def.ghi");
    CHECK_FALSE(key().open(other, service, now, 1800s));
}

TEST_CASE("a value has one spelling", "[cookie]") {
    // 40 octets are 53 digits and a third: the last digit has four bits that say nothing and must be zero.
    const auto value = key().seal(binding, service);
    REQUIRE(value.size() == 54);
    const auto last = base64url.find(value.back());
    CHECK(last % 16 == 0);
    for (std::size_t bits = 1; bits < 16; ++bits)
        CHECK_FALSE(key().open(value.substr(0, 53) + base64url[last + bits], service, now, 1800s));
}

TEST_CASE("a cookie of another service or another key is none", "[cookie]") {
    const auto value = key().seal(binding, service);
    CHECK_FALSE(key().open(value, "default/other", now, 1800s));
    CHECK_FALSE(key().open(value, "", now, 1800s));
    CHECK_FALSE(key(2).open(value, service, now, 1800s));
}

TEST_CASE("a cookie is stale after its timeout, and one from the far future is none", "[cookie]") {
    const auto value = key().seal(binding, service);
    CHECK(key().open(value, service, now + 1800, 1800s));
    CHECK_FALSE(key().open(value, service, now + 1801, 1800s));
    CHECK(key().open(value, service, now - 1800, 1800s));
    CHECK_FALSE(key().open(value, service, now - 1801, 1800s));
}

TEST_CASE("a pod's tag is stable, depends on the key and says nothing", "[cookie]") {
    CHECK(key().tag("10.0.0.1:8080") == key().tag("10.0.0.1:8080"));
    CHECK(key().tag("10.0.0.1:8080") != key(2).tag("10.0.0.1:8080"));
    std::set<std::uint64_t> tags;
    for (int i = 0; i < 1000; ++i) tags.insert(key().tag("pod/" + std::to_string(i)));
    CHECK(tags.size() == 1000);
}

TEST_CASE("what is sealed is sealed with the HMAC-SHA-256 that OpenSSL makes", "[cookie]") {
    CookieKey::Octets octets{};
    for (std::size_t i = 0; i < octets.size(); ++i) octets[i] = static_cast<unsigned char>(i * 37 + 11);
    for (std::size_t size : {0u, 1u, 50u, 51u, 64u, 200u}) {
        const auto pod = string(size, 'p');
        const auto text = string("pod") + '\0' + '\0' + pod;
        std::array<unsigned char, 32> mac{};
        HMAC(EVP_sha256(), octets.data(), static_cast<int>(octets.size()),
             reinterpret_cast<const unsigned char*>(text.data()), text.size(), mac.data(), nullptr);
        std::uint64_t expected = 0;
        for (std::size_t i = 0; i < 8; ++i) expected = expected << 8 | mac[i];
        CHECK(CookieKey(octets).tag(pod) == expected);
    }
}

TEST_CASE("every cookie of a name is found, a stranger's in front of ours too", "[cookie]") {
    const auto [field, value] = GENERATE(table<string, string>({
        {"sd=1", "1"},
        {"a=b; sd=1", "1"},
        {"a=b;sd=1;c=d", "1"},
        {"sd=1; sd=2", "1|2"},
        {" sd = 1 ", "1"},
        {"sd=a=b", "a=b"},
        {"a=sd=1", ""},
        {"sdx=1; xsd=2", ""},
        {"SD=1", ""},
        {"sd", ""},
        {"sd=", ""},
        {"sd; sd=2", "2"},
        {"", ""},
        {";;;", ""},
        {"=1", ""},
        {"; sd=1", "1"},
    }));
    CAPTURE(field);
    string found;
    for (const auto each : cookies_named(field, "sd")) found.append(found.empty() ? "" : "|").append(each);
    CHECK(found == value);
}

TEST_CASE("our cookies are taken out of a field and all others stay as they were", "[cookie]") {
    const auto [field, rest] = GENERATE(table<string, string>({
        {"sd=1", ""},
        {"a=b; sd=1", "a=b"},
        {"sd=1; a=b", "a=b"},
        {"a=b;sd=1;c=d", "a=b; c=d"},
        {"sd=1; sd=2; sd", ""},
        {"sdx=1; xsd=2", "sdx=1; xsd=2"},
        {"a=\"b c\"; d", "a=\"b c\"; d"},
        {" sd = 1 ;a=b", "a=b"},
        {"", ""},
        {"; ;", ""},
        {"a=sd=1", "a=sd=1"},
    }));
    CAPTURE(field);
    CHECK(strip_cookie(field, "sd") == rest);
}

TEST_CASE("a cookie is set for the whole site, for its time, and out of scripts' reach", "[cookie]") {
    CHECK(set_cookie("sd", "v", 1800s, false) == "sd=v; Path=/; HttpOnly; SameSite=Lax; Max-Age=1800");
    CHECK(set_cookie("sd", "v", 60s, true) == "sd=v; Path=/; HttpOnly; SameSite=Lax; Max-Age=60; Secure");
}
