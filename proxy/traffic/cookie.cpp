#include "proxy/traffic/cookie.hpp"

// SHA256_CTX is deprecated, but there in all of OpenSSL 3, and the only one that can be copied at no cost.
#define OPENSSL_API_COMPAT 10100
#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <cstring>
#include <initializer_list>
#include <memory>

#include "proxy/base64.hpp"
#include "proxy/traffic/octet.hpp"

namespace proxy {
namespace {

constexpr std::size_t payload_size = 24, mac_size = 16;

std::string base64url(std::string_view octets) {
    std::string out((octets.size() * 4 + 2) / 3, '\0');
    auto* to = out.data();
    unsigned bits = 0, held = 0;
    const auto next = [&] {
        bits = (bits << 8) | static_cast<unsigned char>(octets.front()), octets.remove_prefix(1);
    };
    while (octets.size() >= 3) {
        next(), next(), next();
        for (const int shift : {18, 12, 6, 0}) *to++ = base64url_alphabet[(bits >> shift) & 63];
    }
    for (; !octets.empty(); held += 8) next();
    for (; held >= 6; held -= 6) *to++ = base64url_alphabet[(bits >> (held - 6)) & 63];
    if (held > 0) *to = base64url_alphabet[(bits << (6 - held)) & 63];
    return out;
}

void put(char* out, std::uint64_t value) {
    for (int shift = 56; shift >= 0; shift -= 8) *out++ = static_cast<char>((value >> shift) & 255);
}

std::uint64_t get(std::string_view in) {
    std::uint64_t value = 0;
    for (int i = 0; i < 8; ++i)
        value = (value << 8) | static_cast<unsigned char>(in[static_cast<std::size_t>(i)]);
    return value;
}

template <class Each>
void for_each_cookie(std::string_view field, Each each) {
    while (!field.empty()) {
        const auto end = field.find(';');
        const auto pair = trim(field.substr(0, end));
        if (!pair.empty() && !each(pair, trim(pair.substr(0, pair.find('='))))) return;
        if (end == std::string_view::npos) return;
        field.remove_prefix(end + 1);
    }
}

// HMAC-SHA-256 (RFC 2104) with one key, whose two blocks are digested once a thread: every new session's
// answer is sealed, and OpenSSL's EVP_MAC copies its contexts for longer than it digests.
class Hmac {
public:
    explicit Hmac(const CookieKey::Octets& key) : key_(key) {
        begin(inner_, 0x36);
        begin(outer_, 0x5c);
    }
    bool has(const CookieKey::Octets& key) const { return key_ == key; }

    std::array<unsigned char, 32> operator()(std::initializer_list<std::string_view> parts) const {
        std::array<unsigned char, 32> out;
        auto context = inner_;
        for (const auto part : parts) SHA256_Update(&context, part.data(), part.size());
        SHA256_Final(out.data(), &context);
        context = outer_;
        SHA256_Update(&context, out.data(), out.size());
        SHA256_Final(out.data(), &context);
        return out;
    }

private:
    void begin(SHA256_CTX& context, unsigned char pad) const {
        std::array<unsigned char, SHA256_CBLOCK> block;
        for (std::size_t i = 0; i < block.size(); ++i)
            block[i] = static_cast<unsigned char>((i < key_.size() ? key_[i] : 0) ^ pad);
        SHA256_Init(&context);
        SHA256_Update(&context, block.data(), block.size());
    }

    CookieKey::Octets key_;
    SHA256_CTX inner_, outer_;
};

}  // namespace

std::array<unsigned char, 32> CookieKey::hmac(std::string_view purpose, std::string_view service,
                                              std::string_view data) const {
    constexpr std::string_view end{"\0", 1};
    thread_local std::optional<Hmac> mac;
    if (!mac || !mac->has(octets_)) mac.emplace(octets_);
    return (*mac)({purpose, end, service, end, data});
}

std::string CookieKey::seal(const Binding& binding, std::string_view service) const {
    std::array<char, payload_size + mac_size> octets{};
    put(octets.data(), binding.session);
    put(octets.data() + 8, binding.pod);
    put(octets.data() + 16, static_cast<std::uint64_t>(binding.issued));
    const auto mac = hmac("cookie", service, {octets.data(), payload_size});
    std::memcpy(octets.data() + payload_size, mac.data(), mac_size);
    return base64url({octets.data(), octets.size()});
}

std::optional<Binding> CookieKey::open(std::string_view value, std::string_view service, std::int64_t now,
                                       std::chrono::seconds timeout) const {
    if (value.size() > 2 * (payload_size + mac_size)) return std::nullopt;
    const auto octets = base64_decoded(value, base64url_alphabet, true);
    if (!octets || octets->size() != payload_size + mac_size) return std::nullopt;
    const std::string_view payload(octets->data(), payload_size);
    const auto mac = hmac("cookie", service, payload);
    if (CRYPTO_memcmp(mac.data(), octets->data() + payload_size, mac_size) != 0) return std::nullopt;
    const Binding binding{get(payload), get(payload.substr(8)),
                          static_cast<std::int64_t>(get(payload.substr(16)))};
    const auto age = now - binding.issued;
    if (age > timeout.count() || age < -timeout.count()) return std::nullopt;
    return binding;
}

std::uint64_t CookieKey::tag(std::string_view pod) const {
    const auto mac = hmac("pod", {}, pod);
    return get(std::string_view(reinterpret_cast<const char*>(mac.data()), 8));
}

std::vector<std::string_view> cookies_named(std::string_view field, std::string_view name) {
    std::vector<std::string_view> values;
    for_each_cookie(field, [&](std::string_view pair, std::string_view its_name) {
        if (its_name == name && pair.size() > its_name.size())
            values.push_back(trim(pair.substr(pair.find('=') + 1)));
        return true;
    });
    return values;
}

std::string strip_cookie(std::string_view field, std::string_view name) {
    std::string out;
    for_each_cookie(field, [&](std::string_view pair, std::string_view its_name) {
        if (its_name == name) return true;
        if (!out.empty()) out += "; ";
        out += pair;
        return true;
    });
    return out;
}

std::string set_cookie(std::string_view name, std::string_view value, std::chrono::seconds timeout,
                       bool secure) {
    std::string out;
    out.reserve(name.size() + value.size() + 96);
    out += name;
    out += '=';
    out += value;
    out += "; Path=/; HttpOnly; SameSite=Lax; Max-Age=";
    out += std::to_string(timeout.count());
    if (secure) out += "; Secure";
    return out;
}

}  // namespace proxy
