// A head of HTTP/2: whatever fields a client says, what is taken goes to the pod as one request and as the
// one that was asked for.
#include <algorithm>
#include <array>

#include "fuzz.hpp"
#include "proxy/traffic/forward.hpp"
#include "proxy/traffic/h2_head.hpp"

using namespace proxy;

namespace {

constexpr std::array<std::string_view, 16> names{
    ":method",        ":scheme", ":authority", ":path", ":protocol",  "host",
    "content-length", "cookie",  "te",         "x",     "connection", "transfer-encoding",
    "upgrade",        "expect",  "x-a",        "accept"};
constexpr std::string_view key = "dGhlIHNhbXBsZSBub25jZQ==";

// Each field: an octet that names one of the usual or how long its own name is, one for the value's length.
std::string_view take(std::string_view& octets, std::size_t size) {
    const auto out = octets.substr(0, size);
    octets.remove_prefix(out.size());
    return out;
}
std::size_t number(std::string_view& octets) {
    const auto one = take(octets, 1);
    return one.empty() ? 0 : static_cast<unsigned char>(one.front());
}

std::size_t count(const Head& head, std::string_view name) {
    return static_cast<std::size_t>(std::count_if(head.fields().begin(), head.fields().end(),
                                                  [&](const Field& f) { return same_name(f.name, name); }));
}

void goes_on_as_the_same(const RequestHead& head) {
    ToPod to;
    to.client_address = "192.0.2.7";
    to.request_id = "id";
    to.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    to.websocket = head.websocket();
    if (head.framing() != Framing::none) to.content_length = 7;
    if (head.max_forwards() == 0) return;
    const auto text = request_for_pod(head, to);
    EXPECT(head_length(text) == text.size());
    HeadLimits limits;
    limits.fields = 1'000;
    const auto parsed = parse_request(text, limits);
    const auto* again = std::get_if<RequestHead>(&parsed);
    EXPECT(again != nullptr);
    EXPECT(again->method() == head.method() && again->target() == head.target());
    EXPECT(again->host() == head.host() && count(*again, "Host") == 1);
    EXPECT(again->framing() == (to.content_length ? Framing::sized : Framing::none));
    EXPECT(again->websocket() == head.websocket());
    EXPECT(count(*again, "Cookie") <= 1 && count(*again, "Transfer-Encoding") == 0 &&
           count(*again, "TE") == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    auto octets = octets_of(data, size);
    const auto variant = choice(octets);
    const bool ended = variant & 1;
    H2Head fields({}, 32 << 10);
    if (variant & 2) {  // most of it is right
        fields.add(":method", variant & 4 ? "POST" : variant & 8 ? "CONNECT" : "GET");
        fields.add(":scheme", "http");
        fields.add(":authority", "sd.example.com");
        if (!(variant & 16)) fields.add(":path", "/a");
        if (variant & 8) fields.add(":protocol", "websocket");
    }
    while (!octets.empty()) {
        const auto which = number(octets), length = number(octets);
        const auto name = which < names.size() ? names[which] : take(octets, which - names.size());
        fields.add(name, take(octets, length));
    }
    const auto parsed = fields.finish(ended, key);
    const auto* head = std::get_if<RequestHead>(&parsed);
    if (head == nullptr) {
        EXPECT(std::get<HeadError>(parsed).status >= 400);
        return 0;
    }
    EXPECT(head->http2() && head->method() != "CONNECT" && head->method() != "TRACE");
    EXPECT(head->target().starts_with("/") || head->target() == "*");
    EXPECT(count(*head, "Host") == 1 && count(*head, "Connection") == head->websocket());
    EXPECT(!ended || head->content_length() == 0);
    EXPECT((head->framing() == Framing::none) || !head->websocket());
    if (head->websocket())
        EXPECT(head->first("Sec-WebSocket-Key") == key && head->has_one("Sec-WebSocket-Key"));
    goes_on_as_the_same(*head);
    return 0;
}
