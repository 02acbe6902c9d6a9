// A pod's head: what is taken goes to the client as a head that we would take ourselves, of the same status
// and length.
#include "fuzz.hpp"
#include "proxy/traffic/forward.hpp"
#include "proxy/traffic/head.hpp"

using namespace proxy;

namespace {

ResponseHead again(std::string_view text, bool to_head) {
    HeadLimits limits;
    limits.fields = 1'000;
    auto parsed = parse_response(text, limits, to_head);
    EXPECT(std::holds_alternative<ResponseHead>(parsed));
    return std::move(std::get<ResponseHead>(parsed));
}

void is_clean(const Head& head) {
    for (const auto* never : {"TE", "Keep-Alive", "Proxy-Connection", "Trailer", "Upgrade"})
        EXPECT(!head.has(never));
}

void goes_on_as_the_same(const ResponseHead& head, unsigned variant, bool to_head) {
    if (head.status() < 200) {
        const auto interim = again(interim_for_client(head), false);
        EXPECT(interim.status() == head.status() && interim.framing() == Framing::none);
        EXPECT(!interim.has("Content-Length") && !interim.has("Transfer-Encoding"));
        return is_clean(interim);
    }
    ToClient to;
    to.client_minor_version = variant & 2 ? 0 : 1;
    to.head_request = to_head;
    to.keep_alive = variant & 4;
    to.extra_fields = "X-Extra: 1\r\n";
    const auto text = response_for_client(head, to);
    const auto said = again(text.octets, to_head);
    EXPECT(said.status() == head.status() && said.reason() == head.reason());
    EXPECT(said.has_one("X-Extra") || head.has("X-Extra"));
    EXPECT(text.chunked == said.has("Transfer-Encoding"));
    EXPECT(!(text.chunked && to.client_minor_version == 0));
    EXPECT(!(text.chunked && said.has("Content-Length")));
    EXPECT(text.keep_alive != said.has_connection_option("close"));
    if (head.framing() == Framing::sized) EXPECT(said.content_length() == head.content_length());
    if (head.status() == 204) EXPECT(!said.has("Content-Length") && !said.has("Transfer-Encoding"));
    is_clean(said);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    auto octets = octets_of(data, size);
    const auto variant = choice(octets);
    const bool to_head = variant & 1;
    const auto length = head_length(octets);
    if (length > 0) octets = octets.substr(0, length);
    bool early = false;
    for (std::size_t before = 0, now = 0; now < octets.size() && !early; before = now) {
        now = std::min(octets.size(), now + 1 + variant % 61);
        early = response_refused_early(octets.substr(0, now), before).has_value();
    }
    const auto parsed = parse_response(octets, {}, to_head);
    const auto* head = std::get_if<ResponseHead>(&parsed);
    if (head == nullptr) return 0;
    EXPECT(!early && length > 0);
    EXPECT(head->status() >= 100 && head->status() < 600);
    goes_on_as_the_same(*head, variant, to_head);
    return 0;
}
