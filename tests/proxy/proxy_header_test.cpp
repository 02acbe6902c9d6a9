// The PROXY protocol, and whose request it is behind trusted proxies.
#include "proxy/traffic/proxy_header.hpp"

#include <catch2/catch.hpp>

#include "proxy/traffic/client_address.hpp"
#include "tests/proxy/heads.hpp"

using namespace proxy;

namespace {

// "refused", "unfinished", or the length and the client: "56 192.0.2.1", "15 -".
std::string told(std::string_view octets) {
    const auto parsed = parse_proxy_header(octets);
    if (std::holds_alternative<ProxyHeaderMalformed>(parsed)) return "refused";
    if (std::holds_alternative<ProxyHeaderUnfinished>(parsed)) return "unfinished";
    const auto& header = std::get<ProxyHeader>(parsed);
    return std::to_string(header.length) + " " + (header.client ? header.client->to_string() : "-");
}

std::string version_2(char command, char family, std::string_view rest, int said_length = -1) {
    std::string octets("\r\n\r\n\0\r\nQUIT\n", 12);
    const auto length = said_length < 0 ? rest.size() : static_cast<std::size_t>(said_length);
    octets += command;
    octets += family;
    octets += static_cast<char>(length >> 8);
    octets += static_cast<char>(length & 255);
    return octets.append(rest);
}

const std::string four("\xc0\x00\x02\x01\xcb\x00\x71\x07\x04\xd2\x01\xbb", 12);
const std::string six =
    std::string("\x20\x01\x0d\xb8", 4) + std::string(11, '\0') + "\x07" + std::string(20, '\1');

}  // namespace

TEST_CASE("a PROXY line of version 1 names the client, or it is refused", "[proxy-protocol]") {
    struct Case {
        std::string_view octets, told;
    };
    for (const auto& [octets, expected] : {
             Case{"PROXY TCP4 192.0.2.1 203.0.113.7 1234 443\r\nGET /", "43 192.0.2.1"},
             Case{"PROXY TCP6 2001:db8::7 ::1 1234 443\r\n", "37 2001:db8::7"},
             Case{"PROXY UNKNOWN\r\n", "15 -"},
             Case{"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", "35 -"},
             Case{"PROXY TCP4 192.0.2.1 203.0.113.7 0 65535\r\n", "42 192.0.2.1"},
             Case{"", "unfinished"},
             Case{"P", "unfinished"},
             Case{"PROXY TCP4 192.0.2.1 203.0.113.7 1234 443\r", "unfinished"},
             Case{"PROXY TCP4 192.0.2.1 203.0.113.7 1234 443\n", "refused"},
             Case{"PROXY TCP4 192.0.2.1  203.0.113.7 1234 443\r\n", "refused"},
             Case{"PROXY TCP4 192.0.2.1 203.0.113.7 1234\r\n", "refused"},
             Case{"PROXY TCP4 192.0.2.1 203.0.113.7 1234 443 1\r\n", "refused"},
             Case{"PROXY TCP4 192.0.2.1 203.0.113.7 1234 65536\r\n", "refused"},
             Case{"PROXY TCP4 192.0.2.1 203.0.113.7 01 443\r\n", "refused"},
             Case{"PROXY TCP4 192.0.2.1 203.0.113.7 +1 443\r\n", "refused"},
             Case{"PROXY TCP4 192.0.2.256 203.0.113.7 1 443\r\n", "refused"},
             Case{"PROXY TCP4 2001:db8::7 ::1 1 443\r\n", "refused"},
             Case{"PROXY TCP6 192.0.2.1 203.0.113.7 1 443\r\n", "refused"},
             Case{"PROXY TCP6 fe80::1%eth0 ::1 1 443\r\n", "refused"},
             Case{"PROXY UDP4 192.0.2.1 203.0.113.7 1 443\r\n", "refused"},
             Case{"PROXY \r\n", "refused"},
             Case{"PROXY UNKNOWNs\r\n", "refused"},
             Case{"proxy TCP4 192.0.2.1 203.0.113.7 1 443\r\n", "refused"},
             Case{"GET / HTTP/1.1\r\n", "refused"},
         }) {
        INFO(octets);
        CHECK(told(octets) == expected);
    }
    const std::string endless = "PROXY UNKNOWN " + std::string(200, 'x');
    CHECK(told(endless.substr(0, 106)) == "unfinished");
    CHECK(told(endless.substr(0, 107)) == "refused");
    CHECK(told(endless + "\r\n") == "refused");
}

TEST_CASE("a PROXY header of version 2 names the client, or it is refused", "[proxy-protocol]") {
    CHECK(told(version_2(0x21, 0x11, four) + "GET /") == "28 192.0.2.1");
    CHECK(told(version_2(0x21, 0x21, six)) == "52 2001:db8::7");
    CHECK(told(version_2(0x21, 0x11, four + "\x04" + std::string("\0\x01", 2) + "x")) ==
          "32 192.0.2.1");                             // a TLV
    CHECK(told(version_2(0x20, 0x00, "")) == "16 -");  // LOCAL: a health check
    CHECK(told(version_2(0x20, 0x11, "")) == "16 -");
    CHECK(told(version_2(0x21, 0x00, "xyz")) == "19 -");                   // AF_UNSPEC
    CHECK(told(version_2(0x21, 0x12, four)) == "28 -");                    // UDP is no client of ours
    CHECK(told(version_2(0x21, 0x31, std::string(216, 'u'))) == "232 -");  // AF_UNIX
    CHECK(told(version_2(0x21, 0x11, four.substr(0, 11), 12)) == "unfinished");
    CHECK(told(version_2(0x21, 0x11, four.substr(0, 11))) == "refused");
    CHECK(told(version_2(0x21, 0x21, four)) == "refused");
    CHECK(told(version_2(0x11, 0x11, four)) == "refused");
    CHECK(told(version_2(0x22, 0x11, four)) == "refused");
    CHECK(told(version_2(0x21, 0x41, four)) == "refused");
    CHECK(told(version_2(0x21, 0x13, four)) == "refused");
    CHECK(told(version_2(0x21, 0x11, four, 4080)) == "unfinished");
    CHECK(told(version_2(0x21, 0x11, four, 4081)) == "refused");
    CHECK(told(version_2(0x21, 0x11, four, 65535)) == "refused");
}

TEST_CASE("every beginning of a PROXY header is unfinished", "[proxy-protocol]") {
    for (const auto& whole : {std::string("PROXY TCP4 192.0.2.1 203.0.113.7 1234 443\r\n"),
                              version_2(0x21, 0x11, four), version_2(0x21, 0x21, six)})
        for (std::size_t size = 0; size < whole.size(); ++size)
            CHECK(told(whole.substr(0, size)) == "unfinished");
}

TEST_CASE("behind trusted proxies the client is the rightmost address that is none of them", "[client]") {
    const auto peer = boost::asio::ip::make_address("10.0.0.1");
    const auto trusts = [](const boost::asio::ip::address& address) {
        return address.to_string().starts_with("10.");
    };
    const auto client = [&](std::initializer_list<std::string_view> fields) {
        std::string octets = "GET / HTTP/1.1\r\nHost: a\r\n";
        for (const auto field : fields) (octets += field) += "\r\n";
        return client_behind(peer, request(octets + "\r\n"), trusts).to_string();
    };
    CHECK(client({}) == "10.0.0.1");
    CHECK(client({"X-Forwarded-For: 192.0.2.1"}) == "192.0.2.1");
    CHECK(client({"X-Forwarded-For: 198.51.100.9, 192.0.2.1, 10.0.0.2"}) == "192.0.2.1");
    CHECK(client({"X-Forwarded-For: 198.51.100.9", "X-Forwarded-For: 192.0.2.1,10.0.0.2"}) == "192.0.2.1");
    CHECK(client({"X-Forwarded-For: 10.0.0.3, 10.0.0.2"}) == "10.0.0.3");
    CHECK(client({"X-Forwarded-For: 192.0.2.1, unknown, 10.0.0.2"}) == "10.0.0.2");
    CHECK(client({"X-Forwarded-For: [2001:db8::7]"}) == "2001:db8::7");
    CHECK(client({"X-Forwarded-For: ,, ,"}) == "10.0.0.1");
}
