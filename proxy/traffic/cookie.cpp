#include "proxy/traffic/cookie.hpp"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <cstring>
#include <initializer_list>
#include <memory>
#include <stdexcept>

#include "proxy/base64.hpp"

namespace proxy {
namespace {

constexpr std::size_t payload_size = 24, mac_size = 16;

std::string base64url(std::string_view octets) {
    std::string out((octets.size() * 4 + 2) / 3, '\0');
    auto* to = out.data();
    unsigned bits = 0, held = 0;
    for (const char c : octets) {
        bits = (bits << 8) | static_cast<unsigned char>(c);
        for (held += 8; held >= 6; held -= 6) *to++ = base64url_alphabet[(bits >> (held - 6)) & 63];
    }
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

std::string_view trim(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
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

// HMAC-SHA-256 with one key, whose schedule is made once a thread: every new session's answer is sealed.
class Hmac {
public:
    explicit Hmac(const CookieKey::Octets& key) : key_(key) {
        std::unique_ptr<EVP_MAC, decltype(&EVP_MAC_free)> mac(EVP_MAC_fetch(nullptr, "HMAC", nullptr),
                                                              &EVP_MAC_free);
        context_.reset(mac ? EVP_MAC_CTX_new(mac.get()) : nullptr);
        char digest[] = "SHA256";
        const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string("digest", digest, 0),
                                         OSSL_PARAM_construct_end()};
        check(context_ && EVP_MAC_init(context_.get(), key.data(), key.size(), parameters) == 1);
    }
    bool has(const CookieKey::Octets& key) const { return key_ == key; }

    std::array<unsigned char, 32> operator()(std::initializer_list<std::string_view> parts) {
        std::array<unsigned char, 32> out{};
        std::size_t size = 0;
        check(EVP_MAC_init(context_.get(), nullptr, 0, nullptr) == 1);
        for (const auto part : parts)
            check(EVP_MAC_update(context_.get(), reinterpret_cast<const unsigned char*>(part.data()),
                                 part.size()) == 1);
        check(EVP_MAC_final(context_.get(), out.data(), &size, out.size()) == 1 && size == out.size());
        return out;
    }

private:
    static void check(bool good) {
        if (!good) throw std::runtime_error("OpenSSL cannot make an HMAC");
    }

    CookieKey::Octets key_;
    std::unique_ptr<EVP_MAC_CTX, decltype(&EVP_MAC_CTX_free)> context_{nullptr, &EVP_MAC_CTX_free};
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
