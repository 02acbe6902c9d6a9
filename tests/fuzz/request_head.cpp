// A request's head: what is taken has one reading, and what we make of it for a pod is read by ourselves as
// the same.
#include <algorithm>

#include "fuzz.hpp"
#include "proxy/traffic/cookie.hpp"
#include "proxy/traffic/forward.hpp"
#include "proxy/traffic/head.hpp"
#include "proxy/traffic/octet.hpp"

using namespace proxy;

namespace {

std::size_t count(const Head& head, std::string_view name) {
    return static_cast<std::size_t>(std::count_if(head.fields().begin(), head.fields().end(),
                                                  [&](const Field& f) { return same_name(f.name, name); }));
}

// Nothing that another parser could see as a line's end, a field's beginning or another length.
void is_plain(const RequestHead& head, std::string_view octets) {
    for (std::size_t i = 0; i < octets.size(); ++i) {
        if (octets[i] == '\r') EXPECT(octets[i + 1] == '\n');
        if (octets[i] == '\n') EXPECT(octets[i - 1] == '\r');
        EXPECT(octets[i] == '\r' || octets[i] == '\n' || is_field_octet(octets[i]));
    }
    EXPECT(count(head, "Host") == 1 || (count(head, "Host") == 0 && head.minor_version() == 0));
    EXPECT(count(head, "Content-Length") + count(head, "Transfer-Encoding") <= 1);
    EXPECT((count(head, "Content-Length") == 1) == (head.framing() == Framing::sized));
    EXPECT((count(head, "Transfer-Encoding") == 1) == (head.framing() == Framing::chunked));
    EXPECT(head.target().starts_with("/") || head.target() == "*");
    if (head.has_connection_option("close")) EXPECT(!head.keep_alive());
}

void goes_on_as_the_same(const RequestHead& head, unsigned variant) {
    ToPod to;
    to.client_address = "192.0.2.7";
    to.client_trusted = variant & 1;
    to.tls = variant & 2;
    to.identity = variant & 4;
    to.request_id = "id";
    to.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    if (variant & 8) to.hide_cookie = "sd";
    to.websocket = head.websocket();
    if (head.framing() != Framing::none || (variant & 16 && !to.websocket)) to.content_length = variant;
    if (head.host().empty() || head.max_forwards() == 0) return;  // they do not go on
    const auto text = request_for_pod(head, to);
    HeadLimits limits;
    limits.fields = 1'000;  // we add some
    const auto parsed = parse_request(text, limits);
    const auto* again = std::get_if<RequestHead>(&parsed);
    EXPECT(again != nullptr);
    EXPECT(again->method() == head.method() && again->target() == head.target());
    EXPECT(again->host() == head.host() && again->minor_version() == 1);
    EXPECT(again->framing() == (to.content_length ? Framing::sized : Framing::none));
    EXPECT(again->content_length() == to.content_length.value_or(0));
    EXPECT(again->websocket() == head.websocket() && !again->expects_continue());
    EXPECT(again->keep_alive() == !head.websocket());
    for (const auto* once : {"X-Forwarded-For", "Via", "X-Request-Id", "traceparent"})
        EXPECT(count(*again, once) == 1);
    for (const auto& field : again->fields()) {
        EXPECT(field.name.find('_') == std::string_view::npos);
        if (same_name(field.name, "Cookie") && !to.hide_cookie.empty())
            EXPECT(cookies_named(field.value, to.hide_cookie).empty());
    }
    for (const auto* never :
         {"TE", "Keep-Alive", "Proxy-Connection", "Trailer", "Transfer-Encoding", "Expect"})
        EXPECT(count(*again, never) == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    auto octets = octets_of(data, size);
    const auto variant = choice(octets);
    const auto length = head_length(octets);
    if (length > 0) octets = octets.substr(0, length);
    // However it is cut: what is refused early is refused, and what is taken never was.
    bool early = false;
    for (std::size_t before = 0, now = 0; now < octets.size() && !early; before = now) {
        now = std::min(octets.size(), now + 1 + variant % 61);
        early = refused_early(octets.substr(0, now), {}, before).has_value();
    }
    const auto parsed = parse_request(octets, {});
    const auto* head = std::get_if<RequestHead>(&parsed);
    if (head == nullptr) return 0;
    EXPECT(!early && length > 0);
    is_plain(*head, octets);
    goes_on_as_the_same(*head, variant);
    return 0;
}
