// Request heads: one reading only. The cases are RFC 9112's duties and what a lenient parser was measured to
// let through.
#include "heads.hpp"

using proxy::Framing;
using std::string;

namespace {

// A head whose only oddity is one field line.
string with(std::string_view field) {
    return lines({"POST / HTTP/1.1", "Host: a", field});
}
string with(std::string_view one, std::string_view other) {
    return lines({"POST / HTTP/1.1", "Host: a", one, other});
}
string hosted(std::string_view host) {
    return lines({"GET / HTTP/1.1", "Host: " + string(host)});
}
string line(std::string_view request_line) {
    return lines({request_line, "Host: a"});
}

}  // namespace

TEST_CASE("a request's head is read as it was sent", "[head]") {
    const auto head =
        request(lines({"POST /sdapi/v1/txt2img?x=1&y=%20 HTTP/1.1", "Host: sd.default.example.com:8080",
                       "Content-Length: 25", "X-Thing: \t a  b\t ", "x-thing: two", "X-Empty:"}));
    CHECK(head.method() == "POST");
    CHECK(head.target() == "/sdapi/v1/txt2img?x=1&y=%20");
    CHECK(head.path() == "/sdapi/v1/txt2img");
    CHECK(head.host() == "sd.default.example.com:8080");
    CHECK(head.framing() == Framing::sized);
    CHECK(head.content_length() == 25);
    CHECK(head.keep_alive());
    CHECK(head.minor_version() == 1);
    REQUIRE(head.fields().size() == 5);
    CHECK(head.fields()[2].name == "X-Thing");
    CHECK(head.fields()[2].value == "a  b");
    CHECK(head.first("X-THING") == "a  b");
    CHECK(head.has("x-empty"));
    CHECK(head.first("X-Empty").empty());
    CHECK_FALSE(head.has("X-Other"));
}

TEST_CASE("a head that is moved keeps its octets", "[head]") {
    auto octets = lines({"GET /somewhere HTTP/1.1", "Host: some.host.example"});
    auto first = request(octets);
    octets.assign(octets.size(), 'x');
    const auto second = std::move(first);
    CHECK(second.target() == "/somewhere");
    CHECK(second.host() == "some.host.example");
}

TEST_CASE("the end of a head is found in whatever pieces it comes", "[head]") {
    const auto head = lines({"GET / HTTP/1.1", "Host: a"});
    const auto stream = head + "GET /next HTTP/1.1\r\n\r\n";
    CHECK(proxy::head_length(stream) == head.size());
    for (std::size_t first = 0; first < head.size(); ++first) {
        CHECK(proxy::head_length(std::string_view(head).substr(0, first)) == 0);
        CHECK(proxy::head_length(head, first) == head.size());
    }
    CHECK(proxy::head_length("") == 0);
}

TEST_CASE("a head that is cut short anywhere is refused, and so is one that is followed by anything",
          "[head]") {
    const auto head = lines({"POST /x HTTP/1.1", "Host: a", "Content-Length: 3"});
    for (std::size_t size = 0; size < head.size(); ++size)
        CHECK(refused(std::string_view(head).substr(0, size)) == 400);
    CHECK(refused(head + "x") == 400);
}

TEST_CASE("no octet put into a head anywhere makes the parser stumble", "[head]") {
    const auto head =
        lines({"POST /x?y HTTP/1.1", "Host: a:1", "Transfer-Encoding: chunked", "Connection: close"});
    for (std::size_t at = 0; at < head.size(); ++at)
        for (int octet = 0; octet < 256; ++octet) {
            auto changed = head;
            changed[at] = static_cast<char>(octet);
            const auto parsed = proxy::parse_request(changed, {});
            const auto* taken = std::get_if<proxy::RequestHead>(&parsed);
            if (taken == nullptr) continue;
            // A line end that is taken must be one: nothing but a letter's case or a plain character changed.
            CHECK((changed[at] == head[at] || (octet > 0x20 && octet != 0x7f) || octet == ' ' ||
                   octet == '\t'));
            CHECK(taken->fields().size() == 3);
        }
}

TEST_CASE("line ends are CRLF and nothing else", "[head]") {
    const auto octets =
        GENERATE(as<string>{}, "GET / HTTP/1.1\nHost: a\n\n", "GET / HTTP/1.1\r\nHost: a\n\r\n",
                 "GET / HTTP/1.1\nHost: a\r\n\r\n", "GET / HTTP/1.1\rHost: a\r\r",
                 "GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nX: b\rc\r\n\r\n",
                 "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\rX: b\r\n\r\n",
                 "GET / HTTP/1.1\r\nHost: a\r\nX: b\n Y: c\r\n\r\n", "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
                 " GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    CAPTURE(octets);
    CHECK(refused(octets) == 400);
}

TEST_CASE("a request line is method, target and version with one space between", "[head]") {
    const auto [status, octets] = GENERATE(table<int, string>({
        {400, "GET /"},
        {400, "GET"},
        {400, ""},
        {400, "GET  / HTTP/1.1"},
        {400, "GET /  HTTP/1.1"},
        {400, "GET / HTTP/1.1 "},
        {400, "GET\t/\tHTTP/1.1"},
        {400, "GET /a b HTTP/1.1"},
        {400, " GET / HTTP/1.1"},
        {400, "G(T / HTTP/1.1"},
        {400, "G\xc3\x84T / HTTP/1.1"},
        {400, " / HTTP/1.1"},
        {400, "GET  HTTP/1.1"},
        {405, "CONNECT a:80 HTTP/1.1"},
        {405, "TRACE / HTTP/1.1"},
        {0, "trace / HTTP/1.1"},
        {0, "PROPFIND / HTTP/1.1"},
        {400, "GET / http/1.1"},
        {400, "GET / HTTP/1.10"},
        {400, "GET / HTTP/1"},
        {400, "GET / HTTP/11"},
        {400, "GET / HTTP/x.1"},
        {400, "GET / HTCPCP/1.0"},
        {505, "GET / HTTP/0.9"},
        {505, "GET / HTTP/1.2"},
        {505, "GET / HTTP/2.0"},
        {505, "PRI * HTTP/2.0"},
        {0, "GET / HTTP/1.0"},
        {0, "GET / HTTP/1.1"},
    }));
    CAPTURE(octets);
    CHECK(refused(line(octets)) == status);
}

TEST_CASE("a method has 32 octets at most", "[head]") {
    string method(32, 'A');
    CHECK(refused(line(method.append(" / HTTP/1.1"))) == 0);
    CHECK(refused(line(method.insert(0, "A"))) == 400);
}

TEST_CASE("a target is a path, an http URL, or * for OPTIONS", "[head]") {
    const auto [status, target] = GENERATE(table<int, string>({
        {0, "/"},
        {0, "/a/b?c=d&e=%2F"},
        {0, "/file=x(1).png"},
        {0, "/?"},
        {0, "//double"},
        {0, "/a|b^c`d{e}"},
        {0, "/a;b:c@d"},
        {400, "/a#b"},
        {400, "/a\\b"},
        {400, "/a\"b"},
        {400, "/<script>"},
        {400, "/\xc3\xa4"},
        {400, string("/a\0b", 4)},
        {400, "/a\x7f"},
        {400, "foo"},
        {400, "?x"},
        {400, "*"},
        {400, "a:80"},
        {400, "ftp://a/"},
        {400, "http:///"},
        {400, "http://"},
        {400, "http:/a"},
        {400, "http://u:p@a/"},
        {400, "http://a?x"},
        {400, "http://a:x/"},
        {400, "http://a:0/"},
        {400, "http://a:65536/"},
        {0, "http://b/"},
        {0, "http://b"},
        {0, "HTTP://b/x"},
        {0, "https://b:8443/x?y"},
        {0, "http://[::1]:80/"},
    }));
    CAPTURE(target);
    CHECK(refused(line("GET " + target + " HTTP/1.1")) == status);
}

TEST_CASE("OPTIONS may ask for everything", "[head]") {
    CHECK(request(line("OPTIONS * HTTP/1.1")).target() == "*");
}

TEST_CASE("an absolute target's authority replaces Host, and its origin form is passed on", "[head]") {
    const auto [target, host, origin] = GENERATE(table<string, string, string>({
        {"http://b.example:81/x?y", "b.example:81", "/x?y"},
        {"http://b.example", "b.example", "/"},
        {"HTTPS://b.example/", "b.example", "/"},
    }));
    const auto head = request(line("GET " + target + " HTTP/1.1"));
    CHECK(head.host() == host);
    CHECK(head.target() == origin);
    CHECK(refused(lines({"GET http://b/ HTTP/1.1"})) == 400);  // Host is missing all the same
    CHECK(refused(lines({"GET http://b/ HTTP/1.1", "Host: a b"})) == 400);
}

TEST_CASE("a target of 8000 octets is read, a longer one is refused", "[head]") {
    CHECK(refused(line("GET /" + string(7999, 'a') + " HTTP/1.1")) == 0);
    CHECK(refused(line("GET /" + string(8000, 'a') + " HTTP/1.1")) == 414);
}

TEST_CASE("a host is one name or address with an optional port", "[head]") {
    const auto [status, host] = GENERATE(table<int, string>({
        {0, "a"},
        {0, "A.B-c.example"},
        {0, "a."},
        {0, "a:1"},
        {0, "a:65535"},
        {0, "a_b.example"},
        {0, "127.0.0.1:8080"},
        {0, "[::1]"},
        {0, "[::1]:443"},
        {0, "[::ffff:127.0.0.1]"},
        {0, string(253, 'a')},
        {400, ""},
        {400, "a b"},
        {400, "a,b"},
        {400, "u@a"},
        {400, "a/b"},
        {400, "a:abc"},
        {400, "a:1:2"},
        {400, "a:"},
        {400, ":80"},
        {400, "a:0"},
        {400, "a:65536"},
        {400, "a:000080"},
        {400, "a:+1"},
        {400, "\xc3\xa4.example"},
        {400, "a%41"},
        {400, "a?b"},
        {400, "a#b"},
        {400, "a\\b"},
        {400, "http://a"},
        {400, "[::1"},
        {400, "[]"},
        {400, "[::1]x"},
        {400, "[::1]80"},
        {400, "[::1%25eth0]"},
        {400, "[a]"},
        {400, "[::g]"},
        {400, string(254, 'a')},
        {400, string(5000, 'a')},
        {400, "<a>"},
    }));
    CAPTURE(host);
    CHECK(refused(hosted(host)) == status);
}

TEST_CASE("HTTP/1.1 has exactly one Host", "[head]") {
    CHECK(refused(lines({"GET / HTTP/1.1"})) == 400);
    CHECK(refused(lines({"GET / HTTP/1.1", "Host: a", "Host: a"})) == 400);
    CHECK(refused(lines({"GET / HTTP/1.1", "Host: a", "hOST: b"})) == 400);
    CHECK(refused(lines({"GET / HTTP/1.0"})) == 0);
    CHECK(refused(lines({"GET / HTTP/1.0", "Host: a", "Host: b"})) == 400);
}

TEST_CASE("field lines are name, colon and value", "[head]") {
    const auto [status, field] = GENERATE(table<int, string>({
        {0, "X: y"},
        {0, "X:y"},
        {0, "X:"},
        {0, "X: \t "},
        {0, "X_y: z"},
        {0, "X: \xc3\xa4"},
        {0, "X: a\tb"},
        {0, "!#$%&'*+-.^_`|~: x"},
        {400, "X"},
        {400, ": y"},
        {400, "X : y"},
        {400, "X\t: y"},
        {400, "X y: z"},
        {400, " X: y"},
        {400, "\tX: y"},
        {400, "X(y): z"},
        {400, "X\xc3\xa4: y"},
        {400, string("X: a\0b", 6)},
        {400, string("X\0: a", 5)},
        {400, "X: a\x01"},
        {400, "X: a\x7f"},
        {400, "X: a\vb"},
        {400, "X: a\r\n b"},
        {400, "X: a\r\n\tb"},
        {400, "X:\r\n a"},
    }));
    CAPTURE(field);
    CHECK(refused(with(field)) == status);
}

TEST_CASE("obs-fold is refused in every field, framing and Host included", "[head]") {
    CHECK(refused("GET / HTTP/1.1\r\nHost:\r\n a\r\n\r\n") == 400);
    CHECK(refused("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chu\r\n nked\r\n\r\n") == 400);
    CHECK(refused("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n 0\r\n\r\n") == 400);
    CHECK(refused("GET / HTTP/1.1\r\n Host: a\r\n\r\n") == 400);
}

TEST_CASE("a head has 100 fields at most", "[head]") {
    auto octets = string("GET / HTTP/1.1\r\nHost: a\r\n");
    for (int i = 0; i < 99; ++i) octets += "X: y\r\n";
    CHECK(refused(octets + "\r\n") == 0);
    CHECK(refused(octets + "X: y\r\n\r\n") == 431);
}

TEST_CASE("Content-Length is one plain decimal number", "[head]") {
    const auto [status, value] = GENERATE(table<int, string>({
        {0, "0"},
        {0, "5"},
        {0, "999999999999999999"},
        {400, ""},
        {400, "-1"},
        {400, "+5"},
        {400, "0x5"},
        {400, "5a"},
        {400, "5 5"},
        {400, "5, 5"},
        {400, "5,5"},
        {400, "5, 6"},
        {400, "005"},
        {400, "00"},
        {400, "5.0"},
        {400, "1e3"},
        {400, "18446744073709551615"},
        {400, "18446744073709551617"},
        {400, "1000000000000000000"},
    }));
    CAPTURE(value);
    CHECK(refused(with("Content-Length: " + value)) == status);
    CHECK(refused(with("Content-Length: " + value, "content-length: " + value)) == 400);
}

TEST_CASE("Transfer-Encoding is chunked or refused", "[head]") {
    const auto [status, value] = GENERATE(table<int, string>({
        {0, "chunked"},
        {0, "Chunked"},
        {0, "CHUNKED"},
        {400, "xchunked"},
        {400, "identity"},
        {400, "gzip"},
        {400, "x"},
        {400, ""},
        {400, ","},
        {400, "\"chunked\""},
        {400, "chunked, identity"},
        {400, "chunked, chunked"},
        {400,
         "\xa0"
         "chunked"},
        {400, "chunked;"},
        {400, "chunked;q=1"},
        {400, "chunked foo"},
        {400, "chunked="},
        {400, "chunked\x85"},
        {400, ", chunked"},
        {400, "chunked,"},
        {501, "identity, chunked"},
        {501, "gzip, chunked"},
        {501, "x, gzip , CHUNKED"},
        {400, "gzip;q=1, chunked"},
        {400, "\vchunked"},
    }));
    CAPTURE(value);
    CHECK(refused(with("Transfer-Encoding: " + value)) == status);
}

TEST_CASE("framing that can be read in two ways is refused in any order", "[head]") {
    const auto [one, other] = GENERATE(table<string, string>({
        {"Content-Length: 3", "Transfer-Encoding: chunked"},
        {"Content-Length: 3", "transfer-encoding: x"},
        {"Content-Length: 3", "Content-Length: 4"},
        {"Transfer-Encoding: chunked", "Transfer-Encoding: chunked"},
        {"Transfer-Encoding: x", "Transfer-Encoding: chunked"},
        {"Transfer-Encoding: chunked", "Transfer-Encoding: identity"},
    }));
    CAPTURE(one, other);
    CHECK(refused(with(one, other)) >= 400);
    CHECK(refused(with(other, one)) >= 400);
}

TEST_CASE("HTTP/1.0 has no Transfer-Encoding", "[head]") {
    CHECK(refused(lines({"POST / HTTP/1.0", "Host: a", "Transfer-Encoding: chunked"})) == 400);
    CHECK(refused(lines({"POST / HTTP/1.0", "Host: a", "Connection: keep-alive",
                         "Transfer-Encoding: chunked"})) == 400);
}

TEST_CASE("a request without framing has no body", "[head]") {
    CHECK(request(line("POST / HTTP/1.1")).framing() == Framing::none);
    CHECK(request(with("Transfer-Encoding: chunked")).framing() == Framing::chunked);
    CHECK(request(with("Content-Length: 0")).framing() == Framing::sized);
}

TEST_CASE("a connection lives on as both versions say, and close wins over everything", "[head]") {
    const auto [lives, version, fields] = GENERATE(table<bool, string, string>({
        {true, "1.1", ""},
        {false, "1.1", "Connection: close\r\n"},
        {false, "1.1", "Connection: keep-alive\r\nConnection: close\r\n"},
        {false, "1.1", "Connection: close\r\nConnection: keep-alive\r\n"},
        {false, "1.1", "Connection: keep-alive, CLOSE\r\n"},
        {false, "1.1", "Connection: , ,\tclose ,\r\n"},
        {false, "1.1", "Connection: upgrade\r\nUpgrade: h2c\r\n"},
        {true, "1.1", "Upgrade: h2c\r\n"},
        {true, "1.1", "Connection: closed\r\n"},
        {true, "1.1", "X-Connection: close\r\n"},
        {false, "1.0", ""},
        {true, "1.0", "Connection: Keep-Alive\r\n"},
        {false, "1.0", "Connection: keep-alive, close\r\n"},
    }));
    CAPTURE(version, fields);
    CHECK(request("GET / HTTP/" + version + "\r\nHost: a\r\n" + fields + "\r\n").keep_alive() == lives);
}

TEST_CASE("100-continue is met, any other expectation is not", "[head]") {
    CHECK(request(with("Expect: 100-Continue")).expects_continue());
    CHECK_FALSE(request(with("X: y")).expects_continue());
    CHECK_FALSE(request(lines({"POST / HTTP/1.0", "Host: a", "Expect: 100-continue"})).expects_continue());
    CHECK(refused(with("Expect: 200-ok")) == 417);
    CHECK(refused(with("Expect: 100-continue, x")) == 417);
}

TEST_CASE("a WebSocket begins with a whole handshake", "[head]") {
    const string whole =
        "Host: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
    CHECK(request("GET /ws HTTP/1.1\r\n" + whole).websocket());
    CHECK_FALSE(request("GET /ws HTTP/1.0\r\n" + whole).websocket());
    CHECK_FALSE(request("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n").websocket());
    CHECK_FALSE(request("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\n"
                        "Upgrade: h2c\r\n\r\n")
                    .websocket());
    CHECK(refused("POST /ws HTTP/1.1\r\n" + whole) == 400);
    CHECK(refused("GET /ws HTTP/1.1\r\nContent-Length: 2\r\n" + whole) == 400);
    for (const string key : {"", "short", "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25j*Q==",
                             "dGhlIHNhbXBsZSBub25jZQ==dGhlIHNhbXBsZSBub25jZQ=="})
        CHECK(refused("GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                      "Sec-WebSocket-Key: " +
                      key + "\r\n\r\n") == 400);
    CHECK(refused("GET /ws HTTP/1.1\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" + whole) == 400);
    for (const string option : {"Sec-WebSocket-Key", "sec-websocket-version", "Sec-WebSocket-Extensions"})
        CHECK(refused("GET /ws HTTP/1.1\r\nConnection: " + option + "\r\n" + whole) == 400);
    CHECK(request("GET /ws HTTP/1.1\r\nConnection: X, Sec-WebSocket\r\n" + whole).websocket());
}

TEST_CASE("a Connection option is a token", "[head]") {
    const auto value = GENERATE(as<string>{}, "keep-alive;timeout=5", "close;x", "close x", "\"close\"",
                                "close\xa0", "x, y=1");
    CAPTURE(value);
    CHECK(refused(with("Connection: " + value)) == 400);
    CHECK(response_refused(lines({"HTTP/1.1 200 OK", "Connection: " + value})) == 502);
}

TEST_CASE("Max-Forwards is one number, and of OPTIONS only", "[head]") {
    const auto options = [](const string& fields) {
        return lines({"OPTIONS / HTTP/1.1", "Host: a", fields});
    };
    CHECK(request(options("Max-Forwards: 0")).max_forwards() == 0u);
    CHECK(request(options("Max-Forwards: 12")).max_forwards() == 12u);
    CHECK_FALSE(request(options("X: y")).max_forwards());
    CHECK_FALSE(request(with("Max-Forwards: x")).max_forwards());
    for (const auto* value : {"", "-1", "x", "1 2", "9999999999999999999"})
        CHECK(refused(options("Max-Forwards: " + string(value))) == 400);
    CHECK(refused(options("Max-Forwards: 1\r\nMax-Forwards: 1")) == 400);
}

TEST_CASE("an absolute target says which scheme it is of, and * if it has no path to ask OPTIONS of",
          "[head]") {
    CHECK(request(line("GET https://a/x HTTP/1.1")).scheme() == proxy::RequestHead::Scheme::https);
    CHECK(request(line("GET http://a/x HTTP/1.1")).scheme() == proxy::RequestHead::Scheme::http);
    CHECK(request(line("OPTIONS http://a HTTP/1.1")).target() == "*");
    CHECK(request(line("OPTIONS http://a/ HTTP/1.1")).target() == "/");
}

TEST_CASE("what is wrong with a head is said before its end has come", "[head]") {
    const auto early = [](std::string_view octets, std::size_t searched = 0) {
        const auto error = proxy::refused_early(octets, {}, searched);
        return error ? error->status : 0;
    };
    CHECK(early("GET /x\r\n") == 400);
    CHECK(early("GET / HTTP/1.1\n") == 400);
    CHECK(early("GET / HTTP/1.1\r\nHost: a\rX") == 400);
    CHECK(early("GET / HTTP/1.1\r\nHost: a\n") == 400);
    CHECK(early(string("GET / HTTP/1.1\r\nHost: \0", 23)) == 400);
    CHECK(early("GET / HTTP/3.0\r\n") == 505);
    CHECK(early("\r\n") == 400);
    CHECK(early("GET /" + string(8'100, 'x')) == 414);
    CHECK(early("GET / HTTP/1.1\r\nHost: a\r\n") == 0);
    CHECK(early("GET / HTTP/1.1\r") == 0);
    CHECK(early("") == 0);
    CHECK(early("\r") == 0);
    const string whole = "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n";
    for (std::size_t size = 0; size <= whole.size(); ++size)
        for (std::size_t before = 0; before <= size; ++before)
            CHECK(early(whole.substr(0, size), before) == 0);
    CHECK(early("GET / HTTP/1.1\r\nHost: a\rX", 24) == 400);  // the CR was the last octet that was seen
}
