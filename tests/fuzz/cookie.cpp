// Cookies: one that opens was sealed by us, octet for octet; and Cookie fields lose ours and nothing else.
#include "proxy/traffic/cookie.hpp"
#include "fuzz.hpp"

using namespace proxy;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    auto octets = octets_of(data, size);
    const auto variant = choice(octets);
    const CookieKey key({1, 2, 3});
    constexpr std::int64_t now = 1'800'000'000;
    constexpr std::string_view service = "default/sd";
    const std::chrono::hours timeout{1'000'000};

    if (const auto binding = key.open(octets, service, now, timeout)) {
        EXPECT(key.seal(*binding, service) == octets);
        EXPECT(!key.open(octets, "default/other", now, timeout));
    }
    // Sealed, changed in one place, it opens no more.
    const Binding mine{variant, octets.size(), now};
    auto sealed = key.seal(mine, service);
    EXPECT(key.open(sealed, service, now, timeout));
    if (!octets.empty()) {
        auto& place = sealed[octets.size() % sealed.size()];
        const bool same = place == octets[0];
        place = octets[0];
        EXPECT(key.open(sealed, service, now, timeout).has_value() == same);
    }

    const auto stripped = strip_cookie(octets, "sd");
    EXPECT(stripped.size() <= octets.size() * 2);
    EXPECT(cookies_named(stripped, "sd").empty());
    EXPECT(strip_cookie(stripped, "sd") == stripped);
    EXPECT(cookies_named(stripped, "other").size() == cookies_named(octets, "other").size());
    return 0;
}
