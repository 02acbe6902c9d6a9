// Refusals as users meet them, and the texts in them.
#include "proxy/traffic/refusal.hpp"

#include <boost/json.hpp>
#include <catch2/catch.hpp>

#include "heads.hpp"
#include "proxy/traffic/text.hpp"

using namespace proxy;
using std::string;

namespace {

struct Answer {
    ResponseHead head;
    string body;
};

// Read with our own parser: what we write must pass it.
Answer answer(Refusal refusal, const RefusalContext& context = {}) {
    const auto text = refusal_response(refusal, context);
    const auto length = head_length(text);
    return {response(std::string_view(text).substr(0, length)), text.substr(length)};
}

string field(const Answer& a, std::string_view name) {
    return string(a.head.first(name));
}

}  // namespace

TEST_CASE("each refusal has its status, Proxy-Status and Retry-After", "[refusal]") {
    struct Case {
        Refusal refusal;
        int status;
        string proxy_status;
        bool retry_after, close;
    };
    const auto c = GENERATE(values<Case>({
        {Refusal::bad_request, 400, "http_request_error", false, true},
        {Refusal::body_too_large, 413, "", false, true},
        {Refusal::request_timeout, 408, "http_request_error", false, true},
        {Refusal::unknown_host, 404, "destination_not_found", false, false},
        {Refusal::denied, 403, "http_request_denied", false, false},
        {Refusal::queue_full, 503, "connection_limit_reached", true, false},
        {Refusal::queue_timeout, 504, "connection_timeout", false, false},
        {Refusal::cold_start_timeout, 503, "destination_unavailable", true, false},
        {Refusal::unavailable, 503, "destination_unavailable", true, false},
        {Refusal::scaled_to_zero, 503, "destination_unavailable", true, false},
        {Refusal::shutting_down, 503, "", true, true},
        {Refusal::pod_died, 502, "connection_terminated", false, false},
        {Refusal::pod_nonsense, 502, "http_protocol_error", false, false},
        {Refusal::pod_timeout, 504, "http_response_timeout", false, false},
        {Refusal::disk_full, 503, "proxy_internal_error", true, true},
        {Refusal::unplaced, 409, "http_request_error", false, false},
    }));
    CAPTURE(describe(c.refusal).label);
    RefusalContext context;
    context.retry_after = std::chrono::seconds{7};
    const auto a = answer(c.refusal, context);
    CHECK(a.head.status() == c.status);
    CHECK(field(a, "Proxy-Status") == (c.proxy_status.empty() ? "" : "pilotlight; error=" + c.proxy_status));
    CHECK(field(a, "Retry-After") == (c.retry_after ? "7" : ""));
    CHECK(a.head.keep_alive() == !c.close);
    CHECK(field(a, "Cache-Control") == "no-store");
    CHECK(a.head.content_length() == a.body.size());
    CHECK_FALSE(a.head.reason().empty());
    CHECK(field(a, "Date").size() == 29);
    const auto problem = boost::json::parse(a.body).as_object();
    CHECK(field(a, "Content-Type") == "application/problem+json");
    CHECK(problem.at("status").as_int64() == c.status);
    CHECK(problem.at("title").as_string() == describe(c.refusal).title);
    CHECK(problem.at("error").as_string() == describe(c.refusal).label);
}

TEST_CASE("a client that left is 499 in logs and nowhere else", "[refusal]") {
    CHECK(describe(Refusal::client_left).status == 499);
    CHECK(describe(Refusal::client_left).proxy_error.empty());
}

TEST_CASE("a parser's status takes the place of 400, and every one has its text", "[refusal]") {
    const auto [status, proxy_status] = GENERATE(table<int, string>({
        {400, "pilotlight; error=http_request_error"},
        {405, "pilotlight; error=http_request_error"},
        {414, ""},
        {417, "pilotlight; error=http_request_error"},
        {431, ""},
        {501, "pilotlight; error=http_request_error"},
        {505, "pilotlight; error=http_request_error"},
    }));
    RefusalContext context;
    context.status = status;
    const auto a = answer(Refusal::bad_request, context);
    CHECK(a.head.status() == status);
    CHECK_FALSE(a.head.reason().empty());
    CHECK(field(a, "Proxy-Status") == proxy_status);
    CHECK(a.head.has("Allow") == (status == 405));
    CHECK(boost::json::parse(a.body).at("status").as_int64() == status);
}

TEST_CASE("the answer to HEAD has no body but its length", "[refusal]") {
    RefusalContext context;
    context.head_only = true;
    const auto a = answer(Refusal::unknown_host, context);
    CHECK(a.body.empty());
    CHECK(a.head.content_length() > 0);
}

TEST_CASE("an answer closes if it is told to, and carries what it is given", "[refusal]") {
    RefusalContext context;
    context.close = true;
    context.request_id = "id-1";
    context.extra_fields = "X-One: 1\r\nX-Two: 2\r\n";
    const auto a = answer(Refusal::unknown_host, context);
    CHECK_FALSE(a.head.keep_alive());
    CHECK(field(a, "X-Request-Id") == "id-1");
    CHECK(field(a, "X-Two") == "2");
    CHECK(boost::json::parse(a.body).at("requestId").as_string() == "id-1");
}

TEST_CASE("a problem document survives any detail", "[refusal]") {
    string hostile;
    for (int c = 0; c < 256; ++c) hostile += static_cast<char>(c);
    RefusalContext context;
    context.detail = hostile;
    const auto a = answer(Refusal::unknown_host, context);
    CHECK(boost::json::parse(a.body).at("detail").as_string().size() > 128);
}

TEST_CASE("a page shows what it is told and never runs it", "[refusal]") {
    RefusalContext context;
    context.wants_html = true;
    context.detail = "<script>alert('x')</script> & \"co\"";
    context.request_id = "id-1";
    const auto a = answer(Refusal::unknown_host, context);
    CHECK(field(a, "Content-Type") == "text/html; charset=utf-8");
    CHECK(a.head.content_length() == a.body.size());
    CHECK(a.body.find("<script") == string::npos);
    CHECK(a.body.find("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &quot;co&quot;") !=
          string::npos);
    CHECK(a.body.find("id-1") != string::npos);
}

TEST_CASE("text in JSON is escaped, and what is no UTF-8 is replaced", "[text]") {
    const auto [text, escaped] = GENERATE(table<string, string>({
        {"plain", "plain"},
        {"\"\\/", "\\\"\\\\/"},
        {"\n\t\x01\x1f\x7f", "\\u000a\\u0009\\u0001\\u001f\\u007f"},
        {string("\0", 1), "\\u0000"},
        {"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"},
        {"\xff", "\\ufffd"},
        {"\x80", "\\ufffd"},
        {"\xc3", "\\ufffd"},
        {"\xc3(", "\\ufffd("},
        {"\xc0\xaf", "\\ufffd\\ufffd"},
        {"\xe0\x80\x80", "\\ufffd\\ufffd\\ufffd"},
        {"\xed\xa0\x80", "\\ufffd\\ufffd\\ufffd"},
        {"\xf4\x90\x80\x80", "\\ufffd\\ufffd\\ufffd\\ufffd"},
        {"\xf5\x80", "\\ufffd\\ufffd"},
        {"\xe2\x82", "\\ufffd\\ufffd"},
        {"a\xf0\x9f\x98", "a\\ufffd\\ufffd\\ufffd"},
        {"\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf"},
        {"", ""},
    }));
    CAPTURE(text);
    CHECK(json_escape(text) == escaped);
    CHECK_NOTHROW(boost::json::parse("\"" + json_escape(text) + "\""));
}

TEST_CASE("any two octets make JSON that can be read", "[text]") {
    for (int one = 0; one < 256; ++one)
        for (int other = 0; other < 256; ++other) {
            boost::json::error_code error;
            boost::json::parse(
                "\"" + json_escape(string{static_cast<char>(one), static_cast<char>(other)}) + "\"", error);
            if (error) FAIL("octets " << one << ", " << other);
        }
}

TEST_CASE("ids are 16 hex digits and do not repeat", "[text]") {
    CHECK(hex(0) == "0000000000000000");
    CHECK(hex(0xfedcba9876543210) == "fedcba9876543210");
    CHECK(random64() != random64());
}

TEST_CASE("times are written as their standards say", "[text]") {
    CHECK_THAT(string(http_date()),
               Catch::Matches(
                   "(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \\d\\d [A-Z][a-z][a-z] \\d{4} \\d\\d:\\d\\d:\\d\\d GMT"));
    CHECK_THAT(rfc3339_now(), Catch::Matches("\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z"));
}
