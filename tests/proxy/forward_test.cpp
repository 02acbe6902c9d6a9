// What is passed on of a head, and what is not.
#include "proxy/traffic/forward.hpp"

#include "heads.hpp"

using namespace proxy;
using std::string;

namespace {

// The values of a field in a head we wrote, in order, joined by " | "; "-": there is none.
string values(std::string_view octets, std::string_view name) {
    string out;
    bool any = false;
    auto rest = octets.substr(octets.find("\r\n") + 2);
    for (auto end = rest.find("\r\n"); end != 0; end = rest.find("\r\n")) {
        const auto line = rest.substr(0, end);
        const auto colon = line.find(": ");
        REQUIRE(colon != std::string_view::npos);
        if (same_name(line.substr(0, colon), name)) {
            out += (any ? " | " : "") + string(line.substr(colon + 2));
            any = true;
        }
        rest.remove_prefix(end + 2);
    }
    CHECK(rest == "\r\n");
    return any ? out : "-";
}

ToPod to_pod() {
    ToPod to;
    to.client_address = "192.0.2.7";
    to.request_id = "id-1";
    to.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    to.hide_cookie = "sd";
    return to;
}

string forward(std::string_view fields, const ToPod& to = to_pod(),
               std::string_view first = "GET /x?y HTTP/1.1") {
    return request_for_pod(request(string(first) + "\r\nHost: a.example:8080\r\n" + string(fields) + "\r\n"),
                           to);
}

}  // namespace

TEST_CASE("a request goes on with our version, its Host, and who it is from", "[forward]") {
    const auto text = forward("Accept: */*\r\nX-Custom: 1\r\nX-Custom: 2\r\n");
    CHECK(text.starts_with("GET /x?y HTTP/1.1\r\nHost: a.example:8080\r\n"));
    CHECK(values(text, "Host") == "a.example:8080");
    CHECK(values(text, "Accept") == "*/*");
    CHECK(values(text, "X-Custom") == "1 | 2");
    CHECK(values(text, "X-Forwarded-For") == "192.0.2.7");
    CHECK(values(text, "X-Forwarded-Host") == "a.example:8080");
    CHECK(values(text, "X-Forwarded-Proto") == "http");
    CHECK(values(text, "Via") == "1.1 pilotlight");
    CHECK(values(text, "X-Request-Id") == "id-1");
    CHECK(values(text, "traceparent") == to_pod().traceparent);
    CHECK(values(text, "Content-Length") == "-");
}

TEST_CASE("what we write is a head that we would take ourselves", "[forward]") {
    auto to = to_pod();
    to.content_length = 3;
    const auto head = request(forward(
        "Cookie: a=b; sd=x\r\nConnection: close, X-Gone\r\nX-Gone: 1\r\nTransfer-Encoding: chunked\r\n", to,
        "POST / HTTP/1.1"));
    CHECK(head.framing() == Framing::sized);
    CHECK(head.content_length() == 3);
    CHECK(head.keep_alive());
}

TEST_CASE("hop-by-hop fields stay here, those that Connection lists included", "[forward]") {
    const auto text = forward(
        "Connection: X-One, x-two\r\nConnection: close\r\nX-One: 1\r\nX-Two: 2\r\nX-Three: 3\r\nKeep-Alive: "
        "5\r\nProxy-Connection: x\r\n"
        "TE: trailers\r\nTrailer: X\r\nUpgrade: websocket\r\nTransfer-Encoding: chunked\r\nExpect: "
        "100-continue\r\nHTTP2-Settings: x\r\n"
        "Proxy-Authorization: x\r\n");
    for (const auto* name :
         {"Connection", "X-One", "X-Two", "Keep-Alive", "Proxy-Connection", "TE", "Trailer", "Upgrade",
          "Transfer-Encoding", "Expect", "HTTP2-Settings", "Proxy-Authorization"}) {
        CAPTURE(name);
        CHECK(values(text, name) == "-");
    }
    CHECK(values(text, "X-Three") == "3");
}

TEST_CASE("Connection cannot remove what we say", "[forward]") {
    const bool trusted = GENERATE(false, true);
    auto to = to_pod();
    to.client_trusted = trusted;
    to.content_length = 7;
    const auto text = forward(
        "Connection: Host, Content-Length, X-Forwarded-For, X-Forwarded-Host, X-Forwarded-Proto, Via, "
        "X-Request-Id, traceparent\r\n"
        "X-Forwarded-Host: h\r\nX-Forwarded-Proto: p\r\nContent-Length: 7\r\n",
        to);
    for (const auto* name : {"Host", "Content-Length", "X-Forwarded-For", "X-Forwarded-Host",
                             "X-Forwarded-Proto", "Via", "X-Request-Id", "traceparent"}) {
        CAPTURE(name);
        CHECK(values(text, name) != "-");
    }
}

TEST_CASE("what a stranger says of himself is dropped", "[forward]") {
    const auto text = forward(
        "X-Forwarded-For: 10.0.0.1\r\nx-forwarded-host: evil\r\nX-Forwarded-Proto: "
        "https\r\nX-Forwarded-Anything: x\r\nForwarded: for=1\r\n"
        "X-Real-IP: 1\r\nK-Network-Hash: x\r\nKnative-Serving-Revision: x\r\nX-Request-Id: "
        "theirs\r\ntraceparent: theirs\r\nKind: kept\r\n");
    CHECK(values(text, "X-Forwarded-For") == "192.0.2.7");
    CHECK(values(text, "X-Forwarded-Host") == "a.example:8080");
    CHECK(values(text, "X-Forwarded-Proto") == "http");
    for (const auto* name :
         {"X-Forwarded-Anything", "Forwarded", "X-Real-IP", "K-Network-Hash", "Knative-Serving-Revision"})
        CHECK(values(text, name) == "-");
    CHECK(values(text, "X-Request-Id") == "id-1");
    CHECK(values(text, "traceparent") == to_pod().traceparent);
    CHECK(values(text, "Kind") == "kept");
}

TEST_CASE("what a trusted proxy says of its client is kept and continued", "[forward]") {
    auto to = to_pod();
    to.client_trusted = true;
    const auto text = forward(
        "X-Forwarded-For: 10.0.0.1\r\nX-Forwarded-For: 10.0.0.2\r\nX-Forwarded-Host: "
        "outer\r\nX-Forwarded-Proto: https\r\nForwarded: for=1\r\n"
        "K-Network-Hash: x\r\nX-Real-IP: 1\r\n",
        to);
    CHECK(values(text, "X-Forwarded-For") == "10.0.0.1, 10.0.0.2, 192.0.2.7");
    CHECK(values(text, "X-Forwarded-Host") == "outer");
    CHECK(values(text, "X-Forwarded-Proto") == "https");
    CHECK(values(text, "Forwarded") == "for=1");
    CHECK(values(text, "K-Network-Hash") == "x");
    CHECK(values(text, "X-Real-IP") == "1");
    const auto silent = forward("", to);
    CHECK(values(silent, "X-Forwarded-For") == "192.0.2.7");
    CHECK(values(silent, "X-Forwarded-Host") == "a.example:8080");
    CHECK(values(silent, "X-Forwarded-Proto") == "http");
}

TEST_CASE("a name with an underscore is dropped, as pods read it as a dash", "[forward]") {
    const auto text = forward("X_Forwarded_For: 1\r\nX_Other: 1\r\nContent_Length: 5\r\n");
    CHECK(text.find('_') == string::npos);
}

TEST_CASE("our cookie is hidden from the pod, others are not", "[forward]") {
    CHECK(values(forward("Cookie: a=b; sd=secret; c=d\r\n"), "Cookie") == "a=b; c=d");
    CHECK(values(forward("Cookie: sd=secret\r\n"), "Cookie") == "-");
    CHECK(values(forward("Cookie: sd=1\r\ncookie: x=y; sd=2\r\n"), "Cookie") == "x=y");
    auto to = to_pod();
    to.hide_cookie = {};
    CHECK(values(forward("Cookie: sd=1\r\n", to), "Cookie") == "sd=1");
}

TEST_CASE("Via continues those before, and says 1.0 of a 1.0 client", "[forward]") {
    CHECK(values(forward("Via: 1.1 a\r\nVia: 1.0 b\r\n"), "Via") == "1.1 a, 1.0 b, 1.1 pilotlight");
    const auto old = forward("", to_pod(), "GET / HTTP/1.0");
    CHECK(old.starts_with("GET / HTTP/1.1\r\n"));
    CHECK(values(old, "Via") == "1.0 pilotlight");
}

TEST_CASE("an absolute target goes on as a path, with its authority as Host", "[forward]") {
    const auto text = forward("", to_pod(), "GET http://b.example/z?q HTTP/1.1");
    CHECK(text.starts_with("GET /z?q HTTP/1.1\r\nHost: b.example\r\n"));
    CHECK(values(text, "Host") == "b.example");
    CHECK(values(text, "X-Forwarded-Host") == "b.example");
}

TEST_CASE("a body's length is ours to say, whatever the client said", "[forward]") {
    auto to = to_pod();
    to.content_length = 12'345'678'901;
    CHECK(values(forward("Transfer-Encoding: chunked\r\n", to, "POST / HTTP/1.1"), "Content-Length") ==
          "12345678901");
    CHECK(values(forward("Content-Length: 5\r\n", to, "POST / HTTP/1.1"), "Content-Length") == "12345678901");
    to.content_length = 0;
    CHECK(values(forward("", to, "POST / HTTP/1.1"), "Content-Length") == "0");
}

TEST_CASE("a response's framing is written anew for the client's version", "[forward]") {
    struct Case {
        string head;
        int minor_version;
        bool to_head, chunked, keep_alive;
        string length, coding, connection;
    };
    const auto c = GENERATE(Catch::Generators::values<Case>({
        {"200 OK\r\nContent-Length: 3\r\n", 1, false, false, true, "3", "-", "-"},
        {"200 OK\r\nContent-Length: 3\r\n", 0, false, false, true, "3", "-", "keep-alive"},
        {"200 OK\r\nTransfer-Encoding: chunked\r\n", 1, false, true, true, "-", "chunked", "-"},
        {"200 OK\r\nTransfer-Encoding: chunked\r\n", 0, false, false, false, "-", "-", "close"},
        {"200 OK\r\n", 1, false, true, true, "-", "chunked", "-"},
        {"200 OK\r\n", 0, false, false, false, "-", "-", "close"},
        {"200 OK\r\nContent-Length: 3\r\n", 1, true, false, true, "3", "-", "-"},
        {"200 OK\r\nTransfer-Encoding: chunked\r\n", 1, true, false, true, "-", "-", "-"},
        {"200 OK\r\n", 1, true, false, true, "-", "-", "-"},
        {"204 No Content\r\nContent-Length: 3\r\n", 1, false, false, true, "-", "-", "-"},
        {"204 No Content\r\nContent-Length: 3\r\n", 1, true, false, true, "-", "-", "-"},
        {"204 No Content\r\nTransfer-Encoding: chunked\r\n", 1, false, false, true, "-", "-", "-"},
        {"304 Not Modified\r\nContent-Length: 3\r\n", 1, false, false, true, "3", "-", "-"},
        {"304 Not Modified\r\n", 1, false, false, true, "-", "-", "-"},
    }));
    CAPTURE(c.head, c.minor_version, c.to_head);
    const auto head = response("HTTP/1.1 " + c.head + "\r\n", c.to_head);
    const auto text = response_for_client(head, {c.minor_version, c.to_head, true, {}});
    CHECK(text.chunked == c.chunked);
    CHECK(text.keep_alive == c.keep_alive);
    CHECK(values(text.octets, "Content-Length") == c.length);
    CHECK(values(text.octets, "Transfer-Encoding") == c.coding);
    CHECK(values(text.octets, "Connection") == c.connection);
    const auto closing = response_for_client(head, {c.minor_version, c.to_head, false, {}});
    CHECK_FALSE(closing.keep_alive);
    CHECK(values(closing.octets, "Connection") == "close");
}

TEST_CASE("a response's fields go on in order, but for hop-by-hop ones and our own", "[forward]") {
    const auto head = response(lines({"HTTP/1.0 200 Fine", "Set-Cookie: a", "X-Y: 1", "Set-Cookie: b",
                                      "Connection: close, X-Gone", "X-Gone: 1", "Keep-Alive: 5", "Trailer: X",
                                      "Upgrade: h2c", "X-Request-Id: theirs", "Content-Length: 0"}));
    const auto text =
        response_for_client(head, {1, false, true, "X-Request-Id: ours\r\nSet-Cookie: sd=1\r\n"});
    CHECK(text.octets.starts_with("HTTP/1.1 200 Fine\r\n"));
    CHECK(values(text.octets, "Set-Cookie") == "a | b | sd=1");
    CHECK(values(text.octets, "X-Request-Id") == "ours");
    for (const auto* name : {"Connection", "X-Gone", "Keep-Alive", "Trailer", "Upgrade"})
        CHECK(values(text.octets, name) == "-");
    CHECK(response(text.octets).framing() == Framing::sized);
}

TEST_CASE("HTTP/2 is told the same of an answer", "[forward]") {
    const string head = GENERATE(
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Empty:\r\n", "HTTP/1.0 500 Oh\r\n",
        "HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n",
        "HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n",
        "HTTP/1.1 404 Gone\r\nConnection: close, X-Gone\r\nX-Gone: 1\r\nX-Request-Id: theirs\r\nKeep-Alive: "
        "5\r\n");
    const bool to_head = GENERATE(false, true);
    CAPTURE(head, to_head);
    const auto parsed = response(head + "\r\n", to_head);
    const ToClient to{1, to_head, true, "X-Request-Id: ours\r\nSet-Cookie: sd=1\r\n"};
    auto fields = fields_for_client(parsed, to);
    H2Fields said(response_for_client(parsed, to).octets);
    CHECK(fields.status() == said.status());
    CHECK(fields.block() == said.block());
    CHECK_FALSE(fields.block().empty());
}

TEST_CASE("a chunk begins with its size in hex", "[forward]") {
    CHECK(chunk_start(1) == "1\r\n");
    CHECK(chunk_start(0x2a) == "2a\r\n");
    CHECK(chunk_start(262'144) == "40000\r\n");
}

TEST_CASE("a request id is short and plain", "[forward]") {
    for (const auto* good : {"a", "0", "a-b_c.D", "4bf92f3577b34da6"}) CHECK(is_request_id(good));
    CHECK(is_request_id(string(64, 'a')));
    CHECK_FALSE(is_request_id(string(65, 'a')));
    for (const auto* bad : {"", "a b", "a\r\nX: y", "a\"", "\xc3\xa4", "a;b", "a/b"})
        CHECK_FALSE(is_request_id(bad));
}

TEST_CASE("a traceparent is W3C's version 00, or what a later one shares with it, and not all zeros",
          "[forward]") {
    CHECK(is_traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"));
    CHECK(is_traceparent("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more"));
    for (const auto* bad : {"", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
                            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-011",
                            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
                            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
                            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
                            "00-4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7-01",
                            "00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01"})
        CHECK_FALSE(is_traceparent(bad));
}

TEST_CASE("an event stream is asked for without any coding", "[forward]") {
    auto to = to_pod();
    to.identity = true;
    CHECK(values(forward("Accept-Encoding: gzip\r\nAccept-Encoding: br\r\n", to), "Accept-Encoding") ==
          "identity");
    CHECK(values(forward("Accept-Encoding: gzip\r\n"), "Accept-Encoding") == "gzip");
}

TEST_CASE("a WebSocket's handshake goes on, and its 101 comes back", "[forward]") {
    auto to = to_pod();
    to.websocket = true;
    const auto text = forward(
        "Connection: keep-alive, Upgrade\r\nUpgrade: websocket, h2c\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: a\r\n",
        to);
    CHECK(values(text, "Connection") == "Upgrade");
    CHECK(values(text, "Upgrade") == "websocket");
    CHECK(values(text, "Sec-WebSocket-Key") == "dGhlIHNhbXBsZSBub25jZQ==");
    CHECK(values(text, "Sec-WebSocket-Protocol") == "a");

    const auto switched = response(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n"
        "Upgrade: WebSocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
    CHECK(switched.switches_to_websocket("dGhlIHNhbXBsZSBub25jZQ=="));
    CHECK_FALSE(switched.switches_to_websocket("dGhlIHNhbXBsZSBub25jZQ=!"));
    const auto half = response(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade, Sec-WebSocket-Accept\r\n"
        "Upgrade: WebSocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
    CHECK_FALSE(half.switches_to_websocket("dGhlIHNhbXBsZSBub25jZQ=="));
    ToClient back;
    back.websocket = true;
    const auto answer = response_for_client(switched, back).octets;
    CHECK(values(answer, "Connection") == "Upgrade");
    CHECK(values(answer, "Upgrade") == "websocket");
    CHECK(values(answer, "Sec-WebSocket-Accept") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    CHECK(values(answer, "Content-Length") == "-");
}

TEST_CASE("an interim response goes on without what is between us and the pod", "[forward]") {
    const auto hints = interim_for_client(
        response("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\nConnection: X-Own\r\nX-Own: 1\r\n\r\n"));
    CHECK(hints == "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n");
}

TEST_CASE("a client's certificate that was verified is shown to the pod, and no other", "[forward]") {
    auto to = to_pod();
    CHECK(values(forward("X-Forwarded-Client-Cert: Subject=\"CN=root\"\r\n", to),
                 "X-Forwarded-Client-Cert") == "-");
    to.client_certificate = "Hash=00;Subject=\"CN=alice\"";
    for (const bool trusted : {false, true}) {
        to.client_trusted = trusted;
        CHECK(values(forward("X-Forwarded-Client-Cert: Subject=\"CN=root\"\r\n", to),
                     "X-Forwarded-Client-Cert") == "Hash=00;Subject=\"CN=alice\"");
    }
}

TEST_CASE("Connection may remove a Cookie", "[forward]") {
    CHECK(values(forward("Cookie: a=b\r\nConnection: cookie\r\n"), "Cookie") == "-");
}

TEST_CASE("Max-Forwards of OPTIONS is one less, and of others as it was", "[forward]") {
    CHECK(values(forward("Max-Forwards: 5\r\n", to_pod(), "OPTIONS / HTTP/1.1"), "Max-Forwards") == "4");
    CHECK(values(forward("Max-Forwards: 5\r\n"), "Max-Forwards") == "5");
}

TEST_CASE("a tracestate goes on only with its traceparent", "[forward]") {
    const auto own = "traceparent: " + string(to_pod().traceparent) + "\r\n";
    CHECK(values(forward(own + "tracestate: a=b\r\n"), "tracestate") == "a=b");
    CHECK(values(forward("traceparent: x\r\ntracestate: a=b\r\n"), "tracestate") == "-");
    CHECK(values(forward("tracestate: a=b\r\n"), "tracestate") == "-");
}

TEST_CASE("a field line that is written otherwise than we write it goes on as we write it", "[forward]") {
    const auto sent = forward("A:1\r\nB:  2\r\nC: 3 \r\nD:\r\nE: \r\nF: 4\r\n");
    for (const auto* as_we_do :
         {"\r\nA: 1\r\n", "\r\nB: 2\r\n", "\r\nC: 3\r\n", "\r\nD: \r\n", "\r\nE: \r\n", "\r\nF: 4\r\n"})
        CHECK(sent.find(as_we_do) != string::npos);
}

TEST_CASE("a field that is called like an option of Connection does not go on", "[forward]") {
    const auto sent =
        forward("Connection: close, keep-alive, other\r\nClose: 1\r\nKeep-Alive: 2\r\nOther: 3\r\n");
    for (const auto* name : {"Close", "Keep-Alive", "Other"}) CHECK(values(sent, name) == "-");
    CHECK(values(forward("Close: 1\r\n"), "Close") == "-");
}
