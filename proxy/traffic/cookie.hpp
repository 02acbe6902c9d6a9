// The affinity cookie: which session this is and where it lives, authenticated and opaque (PRODUCT.md section
// 8). It holds its own binding, so nothing need be remembered for a client that may never come back, and
// bindings survive a restart of the gateway as far as the pods do. Pure.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace proxy {

struct Binding {
    std::uint64_t session = 0;  // random
    std::uint64_t pod = 0;      // the pod's tag: see CookieKey::tag
    std::int64_t issued = 0;    // Unix seconds
};

class CookieKey {
public:
    using Octets = std::array<unsigned char, 32>;
    explicit CookieKey(const Octets& octets) : octets_(octets) {}

    // Base64url of binding and HMAC-SHA-256 (128 bits of it), bound to `service` ("namespace/name").
    std::string seal(const Binding&, std::string_view service) const;

    // Empty if it was not sealed by us for this service, or lies more than `timeout` back (or ahead: a clock
    // jumped).
    std::optional<Binding> open(std::string_view value, std::string_view service, std::int64_t now,
                                std::chrono::seconds timeout) const;

    // A keyed hash of what identifies a pod: stable as long as the pod lives, says nothing about its address.
    std::uint64_t tag(std::string_view pod) const;

private:
    std::array<unsigned char, 32> hmac(std::string_view purpose, std::string_view service,
                                       std::string_view data) const;
    Octets octets_;
};

// The value of every cookie of that name in a Cookie field, in their order: another site of the same domain
// may have set one as well.
std::vector<std::string_view> cookies_named(std::string_view field, std::string_view name);

// The Cookie field without the cookies of that name; empty if none are left.
std::string strip_cookie(std::string_view field, std::string_view name);

// The Set-Cookie value: Path=/; HttpOnly; SameSite=Lax; Max-Age.
std::string set_cookie(std::string_view name, std::string_view value, std::chrono::seconds timeout,
                       bool secure);

}  // namespace proxy
