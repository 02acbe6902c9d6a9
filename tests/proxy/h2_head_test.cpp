// Heads of HTTP/2: what RFC 9113 and RFC 8441 forbid, and what would be another request once it is written as
// HTTP/1.1.
#include <catch2/catch.hpp>

#include "proxy/bounds/rate_allowance.hpp"
#include "proxy/traffic/forward.hpp"
#include "proxy/traffic/h2_head.hpp"

using proxy::Framing;
using proxy::HeadError;
using proxy::RequestHead;
using std::string;
using std::string_view;

namespace {

using Fields = std::vector<std::pair<string, string>>;
constexpr string_view web_socket_key = "dGhlIHNhbXBsZSBub25jZQ==";

auto read(const Fields& fields, bool ended = true, std::size_t most_octets = 32 << 10) {
    proxy::H2Head head({}, most_octets);
    for (const auto& [name, value] : fields) head.add(name, value);
    return head.finish(ended, web_socket_key);
}

RequestHead good(const Fields& fields, bool ended = true) {
    auto result = read(fields, ended);
    if (const auto* error = std::get_if<HeadError>(&result)) FAIL("refused: " << error->reason);
    return std::move(std::get<RequestHead>(result));
}

int status(const Fields& fields, bool ended = true) {
    const auto result = read(fields, ended);
    const auto* error = std::get_if<HeadError>(&result);
    return error == nullptr ? 0 : error->status;
}

const Fields get{
    {":method", "GET"}, {":scheme", "http"}, {":authority", "sd.example.com:80"}, {":path", "/a?b=c"}};
const Fields web_socket{{":method", "CONNECT"}, {":protocol", "websocket"}, {":scheme", "http"},
                        {":authority", "a"},    {":path", "/ws"},           {"sec-websocket-version", "13"}};

Fields with(Fields fields, const string& name, const string& value) {
    fields.emplace_back(name, value);
    return fields;
}
Fields without(const Fields& fields, string_view name) {
    Fields out;
    for (const auto& field : fields)
        if (field.first != name) out.push_back(field);
    return out;
}
Fields instead(Fields fields, string_view name, const string& value) {
    for (auto& field : fields)
        if (field.first == name) field.second = value;
    return fields;
}

}  // namespace

TEST_CASE("a head of HTTP/2 is read as it was sent", "[h2]") {
    const auto head = good(with(with(get, "accept", "text/html"), "x-thing", ""));
    CHECK(head.http2());
    CHECK(head.method() == "GET");
    CHECK(head.target() == "/a?b=c");
    CHECK(head.host() == "sd.example.com:80");
    CHECK(head.scheme() == RequestHead::Scheme::http);
    CHECK(head.framing() == Framing::none);
    CHECK(head.first("Accept") == "text/html");
    CHECK(head.has("x-thing"));
    CHECK(head.keep_alive());
}

TEST_CASE("the pod hears of no framing but ours, and by which protocol it came", "[h2]") {
    const auto head =
        good(with(with(instead(get, ":method", "POST"), "te", "trailers"), "content-length", "5"), false);
    proxy::ToPod to;
    to.client_address = "192.0.2.1";
    to.content_length = 5;
    const auto text = proxy::request_for_pod(head, to);
    CHECK(text.starts_with("POST /a?b=c HTTP/1.1\r\nHost: sd.example.com:80\r\n"));
    CHECK(text.find("te:") == string::npos);
    CHECK(text.find("content-length") == string::npos);
    CHECK(text.find("Content-Length: 5\r\n") != string::npos);
    CHECK(text.find("Via: 2.0 pilotlight\r\n") != string::npos);
}

TEST_CASE("content has the length that was announced, or none is known", "[h2]") {
    CHECK(good(with(get, "content-length", "7"), false).content_length() == 7);
    CHECK(good(get, false).framing() == Framing::chunked);
    CHECK(good(with(get, "content-length", "0"), true).content_length() == 0);
    CHECK(status(with(get, "content-length", "7"), true) == 400);
}

TEST_CASE("cookies that were sent apart are one again", "[h2]") {
    const auto head = good(with(with(with(get, "cookie", "a=1"), "accept", "*/*"), "cookie", "b=2"));
    CHECK(head.first("Cookie") == "a=1; b=2");
    CHECK(head.has_one("Cookie"));
    CHECK(good(with(with(get, "cookie", "a=1"), "cookie", "")).first("Cookie") == "a=1;");
}

TEST_CASE("Host stands in for :authority, and must not differ from it", "[h2]") {
    CHECK(good(with(without(get, ":authority"), "host", "b.example")).host() == "b.example");
    CHECK(good(with(get, "host", "SD.example.com:80")).host() == "sd.example.com:80");
    CHECK(status(with(get, "host", "other.example")) == 400);
    CHECK(status(with(with(get, "host", "sd.example.com:80"), "host", "sd.example.com:80")) == 400);
    CHECK(status(without(get, ":authority")) == 400);
}

TEST_CASE("a WebSocket is asked for as HTTP/1.1 asks, with a key of ours", "[h2]") {
    const auto head = good(with(web_socket, "sec-websocket-key", "AAAAAAAAAAAAAAAAAAAAAA=="), false);
    CHECK(head.websocket());
    CHECK(head.method() == "GET");
    CHECK(head.target() == "/ws");
    CHECK(head.first("Sec-WebSocket-Key") == web_socket_key);
    CHECK(head.has_one("Sec-WebSocket-Key"));
    CHECK(head.framing() == Framing::none);
}

TEST_CASE("OPTIONS may ask about the server as a whole", "[h2]") {
    const auto head = good(instead(instead(get, ":method", "OPTIONS"), ":path", "*"));
    CHECK(head.target() == "*");
    CHECK(head.host() == "sd.example.com:80");
}

TEST_CASE("what is wrong with a head of HTTP/2 is refused", "[h2]") {
    const auto nul = string("a\0b", 3);
    const std::vector<std::pair<int, Fields>> bad{
        {400, without(get, ":method")},
        {400, without(get, ":scheme")},
        {400, without(get, ":path")},
        {400, with(get, ":path", "/again")},
        {400, with(get, ":status", "200")},
        {400, with(get, ":", "x")},
        {400, with(with(get, "accept", "x"), ":path", "/late")},
        {400, with(with(without(get, ":path"), "host", "sd.example.com:80"), ":path", "/late")},
        {400, with(with(without(get, ":path"), "cookie", ""), ":path", "/late")},
        {400, with(with(without(web_socket, ":path"), "sec-websocket-key", "x"), ":path", "/late")},
        {400, instead(get, ":method", "")},
        {400, instead(get, ":method", "GET /evil")},
        {400, instead(get, ":method", "G\tT")},
        {405, instead(get, ":method", "CONNECT")},
        {405, instead(get, ":method", "TRACE")},
        {400, instead(get, ":scheme", "ftp")},
        {400, instead(get, ":scheme", "http://x/ HTTP/1.1")},
        {400, instead(get, ":authority", "user@sd.example.com")},
        {400, instead(get, ":authority", "a/b")},
        {400, instead(get, ":authority", "a?b")},
        {400, instead(get, ":authority", "a b")},
        {400, instead(get, ":authority", "a,b")},
        {400, instead(get, ":authority", "a:0")},
        {400, instead(get, ":authority", "")},
        {400, instead(get, ":path", "")},
        {400, instead(get, ":path", "a")},
        {400, instead(get, ":path", "@evil.example/")},
        {400, instead(get, ":path", "*")},
        {400, instead(get, ":path", "http://a/")},
        {400, instead(get, ":path", "/a b")},
        {400, instead(get, ":path", "/a#b")},
        {400, instead(get, ":path", "/\\a")},
        {400, instead(get, ":path", "/a\r\nX: y")},
        {414, instead(get, ":path", "/" + string(9000, 'a'))},
        {400, with(get, "X-Upper", "x")},
        {400, with(get, "", "x")},
        {400, with(get, "a b", "x")},
        {400, with(get, "a:b", "x")},
        {400, with(get, "a\r\nb", "x")},
        {400, with(get, "\xc3\xa4", "x")},
        {400, with(get, "x", "a\r\nTransfer-Encoding: chunked")},
        {400, with(get, "x", "a\nb")},
        {400, with(get, "x", "a\rb")},
        {400, with(get, "x", nul)},
        {400, with(get, "x", "a\x01")},
        {400, with(get, "x", "\x7f")},
        {400, with(get, "x", " a")},
        {400, with(get, "x", "a\t")},
        {400, with(get, "cookie", "a=1\r\nHost: b")},
        {400, with(get, "connection", "close")},
        {400, with(get, "keep-alive", "5")},
        {400, with(get, "proxy-connection", "close")},
        {400, with(get, "transfer-encoding", "chunked")},
        {400, with(get, "upgrade", "websocket")},
        {400, with(get, "te", "gzip")},
        {400, with(get, "te", "trailers, gzip")},
        {400, with(get, "content-length", "05")},
        {400, with(get, "content-length", "-1")},
        {400, with(get, "content-length", "1, 1")},
        {400, with(with(get, "content-length", "1"), "content-length", "1")},
        {417, with(get, "expect", "wonders")},
        {400, with(get, ":protocol", "websocket")},
        {501, instead(web_socket, ":protocol", "webtransport")},
        {400, without(web_socket, ":path")},
        {400, with(web_socket, "content-length", "0")},
        {400, with(web_socket, "upgrade", "websocket")},
    };
    for (const auto& [expected, fields] : bad) {
        string shown;
        for (const auto& [name, value] : fields) shown += name + "=" + value.substr(0, 40) + " | ";
        INFO(shown);
        CHECK(status(fields, false) == expected);
    }
    CHECK(status(web_socket, true) == 400);
}

TEST_CASE("what stands behind the content is no head, and no worse than one", "[h2]") {
    CHECK(proxy::H2Head::is_trailer("grpc-status", "0"));
    CHECK(proxy::H2Head::is_trailer("content-length", "5"));  // dropped like all of them
    CHECK_FALSE(proxy::H2Head::is_trailer(":path", "/evil"));
    CHECK_FALSE(proxy::H2Head::is_trailer("X-Upper", "y"));
    CHECK_FALSE(proxy::H2Head::is_trailer("", "y"));
    CHECK_FALSE(proxy::H2Head::is_trailer("a b", "y"));
    CHECK_FALSE(proxy::H2Head::is_trailer("connection", "close"));
    CHECK_FALSE(proxy::H2Head::is_trailer("transfer-encoding", "chunked"));
    CHECK_FALSE(proxy::H2Head::is_trailer("x", string("a\0b", 3)));
    CHECK_FALSE(proxy::H2Head::is_trailer("x", "a\r\nb: c"));
    CHECK_FALSE(proxy::H2Head::is_trailer("x", " y"));
}

TEST_CASE("a head is bounded in fields and octets, as HTTP/2 counts them", "[h2]") {
    auto many = get;
    for (int i = 0; i < 100; ++i) many.emplace_back("x", "y");
    CHECK(status(many) == 431);
    CHECK(status(Fields(many.begin(), many.begin() + 100)) == 0);
    const auto result = read(with(get, "x", string(400, 'y')), true, 500);
    CHECK(std::get<HeadError>(result).status == 431);
}

TEST_CASE("an allowance is used up, and comes back with time", "[h2]") {
    const pods::TimePoint start{};
    proxy::RateAllowance allowance(20, start);
    for (int i = 0; i < 20; ++i) CHECK(allowance.take(start));
    CHECK_FALSE(allowance.take(start));
    proxy::RateAllowance other(20, start);
    for (int i = 0; i < 20; ++i) CHECK(other.take(start));
    CHECK(other.take(start + std::chrono::seconds(1)));
    CHECK(other.take(start + std::chrono::seconds(1)));
    CHECK_FALSE(other.take(start + std::chrono::seconds(1)));
}
