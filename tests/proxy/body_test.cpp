// Body framing: whatever the pieces, the result is the same.
#include "proxy/traffic/body.hpp"

#include <catch2/catch.hpp>
#include <string>

using proxy::BodyDecoder;
using proxy::Framing;
using std::string;
using State = BodyDecoder::State;

namespace {

struct Read {
    string content;
    std::size_t taken = 0;
    State state = State::more;

    friend bool operator==(const Read&, const Read&) = default;
};

// Fed in pieces that end at `cuts`.
Read read(Framing framing, std::uint64_t length, std::string_view octets,
          std::initializer_list<std::size_t> cuts = {}) {
    BodyDecoder decoder(framing, length);
    Read out;
    const auto feed = [&](std::string_view piece) {
        const auto taken = decoder.feed(piece, [&](std::string_view content) { out.content += content; });
        out.taken += taken;
        return taken == piece.size();
    };
    std::size_t from = 0;
    bool on = true;
    for (const auto cut : cuts) {
        on = on && feed(octets.substr(from, cut - from));
        from = cut;
    }
    if (on) feed(octets.substr(from));
    out.state = decoder.state();
    return out;
}

Read by_octets(Framing framing, std::uint64_t length, std::string_view octets) {
    BodyDecoder decoder(framing, length);
    Read out;
    for (std::size_t i = 0; i < octets.size() && decoder.state() == State::more; ++i)
        out.taken +=
            decoder.feed(octets.substr(i, 1), [&](std::string_view content) { out.content += content; });
    out.state = decoder.state();
    return out;
}

// The same whatever the pieces.
Read read_in_all_ways(Framing framing, std::uint64_t length, std::string_view octets) {
    const auto whole = read(framing, length, octets);
    CHECK(by_octets(framing, length, octets) == whole);
    for (std::size_t cut = 0; cut <= octets.size(); ++cut)
        if (read(framing, length, octets, {cut}) != whole) FAIL("cut at " << cut << ": " << octets);
    return whole;
}

Read chunked(std::string_view octets) {
    return read_in_all_ways(Framing::chunked, 0, octets);
}

}  // namespace

TEST_CASE("chunks are put together, and what follows them is left", "[body]") {
    const auto [octets, content, rest] = GENERATE(table<string, string, string>({
        {"0\r\n\r\n", "", ""},
        {"5\r\nhello\r\n0\r\n\r\n", "hello", ""},
        {"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\nGET / HTTP/1.1\r\n", "hello world", "GET / HTTP/1.1\r\n"},
        {"A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n", "01234567890123456789", ""},
        {"0005\r\nhello\r\n000\r\n\r\n", "hello", ""},
        {"2\r\n\r\n\r\n0\r\n\r\n", "\r\n", ""},
        {"5; a\t=\t\"\\\"; \xe4\" ;b = c ; d\r\nhello\r\n0\r\nX:\r\nY: \xe4 z\r\n\r\n", "hello", ""},
        {"5;ext=\"a b\";x\r\nhello\r\n0;y\r\n\r\n", "hello", ""},
        {"1\r\nx\r\n0\r\nHost: evil\r\nContent-Length: 5\r\n\r\nrest", "x", "rest"},
    }));
    CAPTURE(octets);
    const auto got = chunked(octets);
    CHECK(got.state == State::done);
    CHECK(got.content == content);
    CHECK(octets.substr(got.taken) == rest);
}

TEST_CASE("malformed chunks are found in whatever pieces they come", "[body]") {
    const auto octets = GENERATE(
        as<string>{}, "\r\n", "x\r\n", "-1\r\n", "+5\r\nhello", "0x5\r\nhello", " 5\r\nhello", "5 \r\nhello",
        "5\nhello", "5\rhello", ";x\r\n", "5\r\nhelloX\r\n", "5\r\nhello\n0\r\n\r\n", "5\r\nhello\r0\r\n\r\n",
        "5\r\nhello0\r\n\r\n", "0\r\nX: y\n\r\n", "0\r\n\n", "0\r\n\rX", "5;a=\"\n\"\r\nhello", "5;a\x01\r\n",
        "0\r\nX: \x01\r\n\r\n", "FFFFFFFFFFFFFFFF\r\n", "10000000000000000\r\n", "fffffffffffffffff\r\n",
        "5;\r\n", "5;=b\r\n", "5;a=\r\n", "5;a=\"b\r\n", "5;a=\"b\"c\r\n", "5;a b\r\n", "5;a \r\n",
        "5;\xe4\r\n", "5;a=b;\r\n", "0\r\nX\r\n\r\n", "0\r\n: y\r\n\r\n", "0\r\nX : y\r\n\r\n",
        "0\r\nX: y\r\n z\r\n\r\n", "0\r\n X: y\r\n\r\n", "0\r\nGET / HTTP/1.1\r\n\r\n");
    CAPTURE(octets);
    CHECK(chunked(octets).state == State::malformed);
}

TEST_CASE("chunked framing that is cut short anywhere is not done", "[body]") {
    const string octets = "5;x\r\nhello\r\n0\r\nA: b\r\n\r\n";
    for (std::size_t size = 0; size < octets.size(); ++size) {
        BodyDecoder decoder(Framing::chunked, 0);
        decoder.feed(std::string_view(octets).substr(0, size), [](std::string_view) {});
        CHECK(decoder.state() == State::more);
        CHECK_FALSE(decoder.closed());
    }
}

TEST_CASE("chunk lines, extensions and trailers are bounded", "[body]") {
    const auto state = [](const string& octets) { return read(Framing::chunked, 0, octets).state; };
    CHECK(state(string(255, '0').append("\r\n\r\n")) == State::done);
    CHECK(state(string(256, '0').append("\r\n\r\n")) == State::malformed);
    CHECK(state("1;" + string(200, 'x') + "\r\n") == State::more);
    CHECK(state("1;" + string(300, 'x')) == State::malformed);
    string many;
    for (int i = 0; i < 100; ++i) many += "1;" + string(200, 'x') + "\r\ny\r\n";
    CHECK(state(many) == State::malformed);
    CHECK(state(many.substr(0, 70 * 206)) == State::more);
    CHECK(state("0\r\nX: " + string(8'000, 'y') + "\r\n\r\n") == State::done);
    CHECK(state("0\r\nX: " + string(9'000, 'y')) == State::malformed);
    string trailers = "0\r\n";
    for (int i = 0; i < 5000; ++i) trailers += "X:\r\n";
    CHECK(state(trailers) == State::malformed);
}

TEST_CASE("a body with a length is that long", "[body]") {
    const auto got = read_in_all_ways(Framing::sized, 5, "helloGET /");
    CHECK(got.content == "hello");
    CHECK(got.taken == 5);
    CHECK(got.state == State::done);
    BodyDecoder cut(Framing::sized, 5);
    cut.feed("hell", [](std::string_view) {});
    CHECK(cut.state() == State::more);
    CHECK_FALSE(cut.closed());
}

TEST_CASE("a body of no length is done before it begins", "[body]") {
    for (const auto framing : {Framing::none, Framing::sized}) {
        const auto got = read(framing, 0, "GET /");
        CHECK(got.state == State::done);
        CHECK(got.taken == 0);
    }
    CHECK(read(Framing::none, 7, "GET /").taken == 0);
}

TEST_CASE("a body until close ends with the connection and not before", "[body]") {
    CHECK(read_in_all_ways(Framing::until_close, 0, "0\r\n\r\nanything").content == "0\r\n\r\nanything");
    BodyDecoder decoder(Framing::until_close, 0);
    decoder.feed("x", [](std::string_view) {});
    CHECK(decoder.state() == State::more);
    CHECK(decoder.closed());
    CHECK(decoder.state() == State::done);
}

TEST_CASE("a malformed body stays malformed, and is no proper end", "[body]") {
    BodyDecoder decoder(Framing::chunked, 0);
    decoder.feed("x", [](std::string_view) {});
    CHECK(decoder.feed("0\r\n\r\n", [](std::string_view) {}) == 0);
    CHECK(decoder.state() == State::malformed);
    CHECK_FALSE(decoder.closed());
}

TEST_CASE("how much is announced is known before it comes", "[body]") {
    BodyDecoder decoder(Framing::chunked, 0);
    decoder.feed("1\r\nx\r\nfffffff\r\nabc", [](std::string_view) {});
    CHECK(decoder.announced() == 0xfffffff - 3);
    CHECK(BodyDecoder(Framing::sized, 7).announced() == 7);
    CHECK(BodyDecoder(Framing::until_close, 0).announced() == 0);
}
