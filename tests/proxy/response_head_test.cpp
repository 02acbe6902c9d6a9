// Response heads: pods are not trusted either. Whatever is wrong is 502.
#include "heads.hpp"

using proxy::Framing;
using std::string;

TEST_CASE("a response's head is read as it was sent", "[head]") {
    const auto head = response(
        lines({"HTTP/1.1 418 I'm a \xc3\xa4 teapot", "Content-Length: 3", "Set-Cookie: a", "Set-Cookie: b"}));
    CHECK(head.status() == 418);
    CHECK(head.reason() == "I'm a \xc3\xa4 teapot");
    CHECK(head.framing() == Framing::sized);
    CHECK(head.content_length() == 3);
    CHECK(head.fields().size() == 3);
}

TEST_CASE("a status line is version, three digits and perhaps a reason", "[head]") {
    const auto [status, line] = GENERATE(table<int, string>({
        {0, "HTTP/1.1 200 OK"},
        {0, "HTTP/1.1 200 "},
        {0, "HTTP/1.1 200"},
        {0, "HTTP/1.0 200 OK"},
        {0, "HTTP/1.1 100 Continue"},
        {0, "HTTP/1.1 599 x"},
        {502, ""},
        {502, "HTTP/1.1"},
        {502, "HTTP/1.1 "},
        {502, "HTTP/1.1 20"},
        {502, "HTTP/1.1  200 OK"},
        {502, "HTTP/1.1 2000"},
        {502, "HTTP/1.1 200OK"},
        {502, "HTTP/1.1 000 x"},
        {502, "HTTP/1.1 099 x"},
        {502, "HTTP/1.1 600 x"},
        {502, "HTTP/1.1 999 x"},
        {502, "HTTP/1.1 2x0 x"},
        {502, "HTTP/1.1 -20 x"},
        {502, "HTTP/2.0 200 OK"},
        {502, "HTTP/1.2 200 OK"},
        {502, "http/1.1 200 OK"},
        {502, "ICY 200 OK"},
        {502, " HTTP/1.1 200 OK"},
        {502, "HTTP/1.1\t200 OK"},
        {502, "HTTP/1.1 200\tOK"},
        {502, "HTTP/1.1 200 O\x01K"},
        {502, string("HTTP/1.1 200 O\0K", 16)},
        {502, "HTTP/1.1 200 O\rK"},
    }));
    CAPTURE(line);
    CHECK(response_refused(lines({line})) == status);
}

TEST_CASE("a pod's fields are as strict as a client's", "[head]") {
    const auto octets = GENERATE(
        as<string>{}, "X : y", "X: a\r\n b", "X", ": y", "X: \x01", "X(): y", " X: y", "Content-Length: 5, 5",
        "Content-Length: -1", "Content-Length: 005", "Content-Length: 3\r\nContent-Length: 3",
        "Transfer-Encoding: xchunked", "Transfer-Encoding: identity",
        "Transfer-Encoding:", "Transfer-Encoding: gzip, chunked", "Transfer-Encoding: x\r\nContent-Length: 3",
        "Content-Length: 3\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked");
    CAPTURE(octets);
    CHECK(response_refused(lines({"HTTP/1.1 200 OK", octets})) == 502);
}

TEST_CASE("a pod of HTTP/1.0 does not send chunks, and too many fields are 502 too", "[head]") {
    CHECK(response_refused(lines({"HTTP/1.0 200 OK", "Transfer-Encoding: chunked"})) == 502);
    auto octets = string("HTTP/1.1 200 OK\r\n");
    for (int i = 0; i < 101; ++i) octets += "X: y\r\n";
    CHECK(response_refused(octets + "\r\n") == 502);
    CHECK(response_refused("HTTP/1.1 200 OK\n\n") == 502);
    CHECK(response_refused("HTTP/1.1 200 OK\r\n\r\nx") == 502);
}

TEST_CASE("the length of a response's body follows RFC 9112 section 6.3", "[head]") {
    const auto [framing, status, fields] = GENERATE(table<Framing, string, string>({
        {Framing::until_close, "200", ""},
        {Framing::sized, "200", "Content-Length: 0\r\n"},
        {Framing::chunked, "200", "Transfer-Encoding: chunked\r\n"},
        {Framing::none, "100", ""},
        {Framing::none, "103", "Content-Length: 3\r\n"},
        {Framing::none, "204", "Content-Length: 3\r\n"},
        {Framing::none, "204", "Transfer-Encoding: chunked\r\n"},
        {Framing::none, "304", "Content-Length: 3\r\n"},
        {Framing::until_close, "205", ""},
    }));
    CAPTURE(status, fields);
    const auto octets = "HTTP/1.1 " + status + " x\r\n" + fields + "\r\n";
    CHECK(response(octets).framing() == framing);
    CHECK(response(octets, true).framing() == Framing::none);
}

TEST_CASE("a connection to a pod is used again only if its end was said", "[head]") {
    CHECK(response(lines({"HTTP/1.1 200 OK", "Content-Length: 0"})).keep_alive());
    CHECK_FALSE(response(lines({"HTTP/1.1 200 OK"})).keep_alive());
    CHECK_FALSE(response(lines({"HTTP/1.1 200 OK", "Content-Length: 0", "Connection: close"})).keep_alive());
    CHECK_FALSE(response(lines({"HTTP/1.0 200 OK", "Content-Length: 0"})).keep_alive());
    CHECK(response(lines({"HTTP/1.0 200 OK", "Content-Length: 0", "Connection: keep-alive"})).keep_alive());
}

TEST_CASE("what is wrong with a pod's head is said before its end has come", "[head]") {
    const auto early = [](std::string_view octets) {
        const auto error = proxy::response_refused_early(octets);
        return error ? error->status : 0;
    };
    CHECK(early("HTTP/1.1 200 OK\n") == 502);
    CHECK(early("HTTP/1.1 2x0 OK\r\n") == 502);
    CHECK(early("SSH-") == 502);
    CHECK(early("<html>") == 502);
    const string whole = "HTTP/1.1 200 OK\r\nX: y\r\n\r\n";
    for (std::size_t size = 0; size <= whole.size(); ++size)
        for (std::size_t before = 0; before <= size; ++before)
            CHECK_FALSE(proxy::response_refused_early(whole.substr(0, size), before));
}
