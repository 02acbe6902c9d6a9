// Heads of answers in HTTP/2, read by nghttp2 as a client reads them.
#include <nghttp2/nghttp2.h>

#include <catch2/catch.hpp>
#include <memory>
#include <vector>

#include "proxy/traffic/h2_fields.hpp"

using std::string;
using std::string_view;

namespace {

struct Block {
    string fields;  // "name=value;" of each
    std::vector<bool> may_be_kept;
};

Block read_block(string_view block) {
    nghttp2_hd_inflater* made = nullptr;
    REQUIRE(nghttp2_hd_inflate_new(&made) == 0);
    const std::unique_ptr<nghttp2_hd_inflater, void (*)(nghttp2_hd_inflater*)> inflater(
        made, nghttp2_hd_inflate_del);
    const auto text = [](const std::uint8_t* octets, std::size_t size) {
        return string(reinterpret_cast<const char*>(octets), size);
    };
    Block out;
    for (int flags = 0; (flags & NGHTTP2_HD_INFLATE_FINAL) == 0;) {
        nghttp2_nv nv{};
        const auto taken = nghttp2_hd_inflate_hd2(
            made, &nv, &flags, reinterpret_cast<const std::uint8_t*>(block.data()), block.size(), 1);
        REQUIRE(taken >= 0);
        block.remove_prefix(static_cast<std::size_t>(taken));
        if ((flags & NGHTTP2_HD_INFLATE_EMIT) == 0) continue;
        ((out.fields += text(nv.name, nv.namelen)) += '=') += text(nv.value, nv.valuelen) + ";";
        out.may_be_kept.push_back((nv.flags & NGHTTP2_NV_FLAG_NO_INDEX) == 0);
    }
    CHECK(nghttp2_hd_inflate_get_dynamic_table_size(made) == 0);
    return out;
}

string fields_of(string_view head) {
    proxy::H2Fields fields(head);
    return read_block(fields.block()).fields;
}

struct Frame {
    int kind, flags, stream;
    string payload;
};
std::vector<Frame> frames_of(string_view octets) {
    std::vector<Frame> out;
    while (!octets.empty()) {
        const auto number = [&](std::size_t at, std::size_t size) {
            int value = 0;
            for (const char c : octets.substr(at, size)) value = value << 8 | static_cast<unsigned char>(c);
            return value;
        };
        const auto size = static_cast<std::size_t>(number(0, 3));
        REQUIRE(octets.size() >= 9 + size);
        out.push_back({number(3, 1), number(4, 1), number(5, 4), string(octets.substr(9, size))});
        octets.remove_prefix(9 + size);
    }
    return out;
}

// As nghttp2 writes it: ":status: 200", the end of the head, and of the stream too.
const string head_frame("\0\0\1\1\5\0\0\1\7\x88", 10);

}  // namespace

TEST_CASE("an answer's head loses what HTTP/2 does not know", "[h2]") {
    proxy::H2Fields fields(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n"
        "Transfer-Encoding: chunked\r\nConnection: close\r\nX-Empty:\r\nUPGRADE: x\r\nKeep-Alive: 5\r\n"
        "Proxy-connection: close\r\n\r\n");
    CHECK(fields.status() == "200");
    CHECK_FALSE(fields.interim());
    CHECK(read_block(fields.block()).fields ==
          "content-type=text/html;set-cookie=a=1;set-cookie=b=2;x-empty=;");
    proxy::H2Fields upgraded(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n"
        "Sec-WebSocket-Protocol: y\r\nConnection: Upgrade\r\n");
    CHECK(upgraded.status() == "200");
    CHECK(read_block(upgraded.block()).fields == "sec-websocket-protocol=y;");
}

TEST_CASE("an interim answer says so, and may have no field", "[h2]") {
    proxy::H2Fields fields("HTTP/1.1 100 Continue\r\n");
    CHECK(fields.interim());
    CHECK(fields.block().empty());
}

TEST_CASE("each name of HPACK's table is said by its number and read as itself", "[h2]") {
    const std::vector<string> names{"accept-ranges",
                                    "access-control-allow-origin",
                                    "age",
                                    "allow",
                                    "cache-control",
                                    "content-disposition",
                                    "content-encoding",
                                    "content-language",
                                    "content-length",
                                    "content-location",
                                    "content-range",
                                    "content-type",
                                    "date",
                                    "etag",
                                    "expires",
                                    "last-modified",
                                    "link",
                                    "location",
                                    "proxy-authenticate",
                                    "refresh",
                                    "retry-after",
                                    "server",
                                    "set-cookie",
                                    "strict-transport-security",
                                    "vary",
                                    "www-authenticate"};
    for (const auto& name : names) {
        auto shouted = name;
        for (auto& c : shouted) c = static_cast<char>(std::toupper(c));
        proxy::H2Fields fields("HTTP/1.1 200 OK\r\n" + shouted + ": v\r\n");
        INFO(name);
        CHECK(fields.block().size() < 5);
        CHECK(read_block(fields.block()).fields == name + "=v;");
    }
}

TEST_CASE("any other name is in lower case, whatever its letters and its size", "[h2]") {
    const string odd = "A!#$%&'*+-.^_`|~0189@[Z{z";  // and what no token has but stands beside the letters
    for (std::size_t size = 1; size <= 2 * odd.size(); ++size) {
        const auto name = (odd + odd).substr(0, size);
        string expected;
        for (const char c : name) expected += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
        CHECK(fields_of("HTTP/1.1 200 OK\r\n" + name + ": V\r\n") == expected + "=V;");
    }
    CHECK(fields_of("HTTP/1.1 200 OK\r\nDatf: 1\r\nServes: 2\r\n") == "datf=1;serves=2;");
}

TEST_CASE("names and values may be as long as they are, and as many", "[h2]") {
    for (const std::size_t size :
         {0UL, 126UL, 127UL, 128UL, 254UL, 255UL, 300UL, 16'510UL, 16'511UL, 60'000UL}) {
        const string value(size, 'v'), name = "x" + string(size, 'n');
        CHECK(fields_of("HTTP/1.1 200 OK\r\n" + name + ": " + value + "\r\n") == name + "=" + value + ";");
    }
    string head = "HTTP/1.1 200 OK\r\n", expected;
    for (int i = 0; i < 500; ++i) head += "a:\r\n", expected += "a=;";
    CHECK(fields_of(head) == expected);
}

TEST_CASE("a cookie may be kept in no table on its way", "[h2]") {
    proxy::H2Fields fields("HTTP/1.1 200 OK\r\nServer: x\r\nSet-Cookie: a=1\r\n");
    CHECK(read_block(fields.block()).may_be_kept == std::vector<bool>{true, false});
}

TEST_CASE("a head goes out in the frame that nghttp2 wrote, with its fields behind the status", "[h2]") {
    string out = "before";
    proxy::append_head_frames(out, head_frame, "fields");
    const auto frames = frames_of(string_view(out).substr(6));
    REQUIRE(frames.size() == 1);
    CHECK(frames[0].kind == NGHTTP2_HEADERS);
    CHECK(frames[0].flags == (NGHTTP2_FLAG_END_STREAM | NGHTTP2_FLAG_END_HEADERS));
    CHECK(frames[0].stream == 0x107);
    CHECK(frames[0].payload ==
          "\x88"
          "fields");
    out.clear();
    proxy::append_head_frames(out, head_frame, "");
    CHECK(out == head_frame);
}

TEST_CASE("a head too long for one frame goes on in others, and ends once", "[h2]") {
    constexpr std::size_t most = 16'384;
    for (const std::size_t size : {most - 1, most, 2 * most - 1, 2 * most, 3 * most}) {
        string block, out, together;
        for (std::size_t i = 0; i < size; ++i) block += static_cast<char>('a' + i % 23);
        proxy::append_head_frames(out, head_frame, block);
        const auto frames = frames_of(out);
        CHECK(frames.size() == (1 + size + most - 1) / most);
        for (const auto& frame : frames) {
            const bool first = &frame == &frames.front(), last = &frame == &frames.back();
            CHECK(frame.kind == (first ? NGHTTP2_HEADERS : NGHTTP2_CONTINUATION));
            CHECK(frame.flags ==
                  (first ? NGHTTP2_FLAG_END_STREAM : 0) + (last ? NGHTTP2_FLAG_END_HEADERS : 0));
            CHECK(frame.stream == 0x107);
            CHECK(frame.payload.size() <= most);
            together += frame.payload;
        }
        CHECK(together == "\x88" + block);
    }
}
