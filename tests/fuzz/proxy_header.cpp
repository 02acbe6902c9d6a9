// A balancer's header: however it is cut it is unfinished until it is whole, and what follows it changes
// nothing.
#include "proxy/traffic/proxy_header.hpp"

#include "fuzz.hpp"

using namespace proxy;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto octets = octets_of(data, size);
    const auto whole = parse_proxy_header(octets);
    if (const auto* header = std::get_if<ProxyHeader>(&whole)) {
        EXPECT(header->length > 0 && header->length <= octets.size() &&
               header->length <= longest_proxy_header);
        const auto alone = parse_proxy_header(octets.substr(0, header->length));
        const auto* same = std::get_if<ProxyHeader>(&alone);
        EXPECT(same != nullptr && same->length == header->length && same->client == header->client);
        for (std::size_t cut = 0; cut < header->length; ++cut)
            EXPECT(std::holds_alternative<ProxyHeaderUnfinished>(parse_proxy_header(octets.substr(0, cut))));
    } else if (std::holds_alternative<ProxyHeaderMalformed>(whole)) {
        EXPECT(std::holds_alternative<ProxyHeaderMalformed>(parse_proxy_header(std::string(octets) + "x")));
    } else {
        EXPECT(octets.size() < longest_proxy_header);
        for (std::size_t cut = 0; cut < octets.size(); ++cut)
            EXPECT(std::holds_alternative<ProxyHeaderUnfinished>(parse_proxy_header(octets.substr(0, cut))));
    }
    return 0;
}
