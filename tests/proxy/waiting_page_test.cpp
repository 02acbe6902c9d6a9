// The waiting page, as its octets say it; what it looks like and does is seen in tests/browser.
#include <openssl/evp.h>

#include <array>
#include <catch2/catch.hpp>

#include "proxy/traffic/refusal.hpp"
#include "proxy/waiting/waiting_page.hpp"
#include "tests/proxy/answered.hpp"

using namespace proxy;
using router::Overview;
using namespace std::chrono_literals;
using std::string;

namespace {

Overview starting() {
    Overview service;
    service.starting_pods = 1;
    service.waiting = 2;
    service.usual_cold_start = 52s;
    service.cold_elapsed = 31s;
    service.phase = "ContainerCreating";
    return service;
}

WaitingPage about(std::string_view name = "sd-demo") {
    WaitingPage page;
    page.service = name;
    page.request_id = "id-1";
    return page;
}

// The Content Security Policy's source for what stands between <tag> and </tag>.
string source_of(const string& body, const string& tag) {
    const auto begin = body.find("<" + tag + ">") + tag.size() + 2;
    const auto text = body.substr(begin, body.find("</" + tag + ">") - begin);
    std::array<unsigned char, 32> digest{};
    EVP_Digest(text.data(), text.size(), digest.data(), nullptr, EVP_sha256(), nullptr);
    std::array<unsigned char, 45> base64{};
    EVP_EncodeBlock(base64.data(), digest.data(), digest.size());
    return "'sha256-" + string(reinterpret_cast<const char*>(base64.data())) + "'";
}

}  // namespace

TEST_CASE("the waiting page is no answer of the service: 503, never stored", "[waiting]") {
    const auto page = answered(waiting_page_response(starting(), about()));
    CHECK(page.head.status() == 503);
    CHECK(page.field("Retry-After") == "5");
    CHECK(page.field("Cache-Control") == "no-store");
    CHECK(page.field("Content-Type") == "text/html; charset=utf-8");
    CHECK(page.field("X-Request-Id") == "id-1");
    CHECK(page.head.content_length() == page.body.size());
    CHECK(page.head.keep_alive());
}

TEST_CASE("the waiting page says what happens, without any script", "[waiting]") {
    const auto page = answered(waiting_page_response(starting(), about()));
    CHECK(page.has("<span>sd-demo</span> is starting"));
    CHECK(page.has("Starting the container"));
    CHECK(page.has("31 s of about 52 s"));
    CHECK(page.has("<dd id=left>about 25 s</dd>"));
    CHECK(page.has("<dd id=queue>2</dd>"));
    CHECK(page.has("<noscript><meta http-equiv=refresh content=5></noscript>"));
}

TEST_CASE("a first cold start has no end in sight", "[waiting]") {
    auto service = starting();
    service.usual_cold_start = {};
    const auto page = answered(waiting_page_response(service, about()));
    CHECK(page.has("31 s so far"));
    CHECK(page.has("<dd id=left>not known</dd>"));
    CHECK_FALSE(page.has(" value="));
}

TEST_CASE("the bar never arrives before the pod", "[waiting]") {
    auto service = starting();
    service.cold_elapsed = 90s;
    const auto page = answered(waiting_page_response(service, about()));
    CHECK(page.has("value=0.950"));
    CHECK(page.has("90 s, usually 52 s"));
    CHECK(page.has("<dd id=left>a moment</dd>"));
    service.cold_elapsed = 600s;
    CHECK(answered(waiting_page_response(service, about())).has("<dd id=left>not known</dd>"));
}

TEST_CASE("the waiting page runs its own script and style and asks nobody else", "[waiting]") {
    const auto page = answered(waiting_page_response(starting(), about()));
    const auto policy = page.field("Content-Security-Policy");
    CHECK_THAT(policy, Catch::StartsWith("default-src 'none';"));
    CHECK_THAT(policy, Catch::Contains("script-src " + source_of(page.body, "script") + ";"));
    CHECK_THAT(policy, Catch::Contains("style-src " + source_of(page.body, "style") + ";"));
    CHECK_THAT(policy, Catch::Contains("connect-src 'self';"));
    CHECK(policy.find("unsafe") == string::npos);
    CHECK_FALSE(page.has("https:"));
    CHECK_FALSE(page.has(" style="));
}

TEST_CASE("a refusal's page runs no script at all", "[waiting]") {
    RefusalContext context;
    context.wants_html = true;
    const auto page = answered(refusal_response(Refusal::unavailable, context));
    const auto policy = page.field("Content-Security-Policy");
    CHECK(policy.find("script-src") == string::npos);
    CHECK_THAT(policy, Catch::Contains("style-src " + source_of(page.body, "style") + ";"));
}

TEST_CASE("a refusal's page offers another try only where it may help", "[waiting]") {
    RefusalContext context;
    context.wants_html = true;
    CHECK(answered(refusal_response(Refusal::unavailable, context)).has("Try again</a>"));
    CHECK_FALSE(answered(refusal_response(Refusal::denied, context)).has("Try again</a>"));
}

TEST_CASE("a name on the waiting page is never run", "[waiting]") {
    const auto page = answered(waiting_page_response(starting(), about("<script>alert('x')</script>")));
    CHECK(page.has("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;"));
    CHECK(page.body.find("<script") == page.body.rfind("<script"));
}

TEST_CASE("the waiting page is small", "[waiting]") {
    CHECK(answered(waiting_page_response(starting(), about())).body.size() < 12 * 1024);
}

TEST_CASE("a waiting page for HEAD has no body but its length", "[waiting]") {
    auto to_head = about();
    to_head.head_only = to_head.close = true;
    const auto page = answered(waiting_page_response(starting(), to_head), true);
    CHECK(page.body.empty());
    CHECK(page.head.content_length() > 0);
    CHECK_FALSE(page.head.keep_alive());
}

TEST_CASE("only who looks at a page gets one", "[waiting]") {
    const auto [method, accept, mode, view] = GENERATE(table<string, string, string, bool>({
        {"GET", "text/html,application/xhtml+xml,*/*;q=0.8", "navigate", true},
        {"GET", "text/html", "", true},
        {"GET", "text/html", "cors", false},
        {"GET", "*/*", "", false},
        {"GET", "application/json", "navigate", false},
        {"POST", "text/html", "navigate", false},
        {"HEAD", "text/html", "", false},
    }));
    CAPTURE(method, accept, mode);
    CHECK(is_page_view(method, accept, mode) == view);
}
