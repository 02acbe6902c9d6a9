// How a key stands in a manifest: never itself, only its hash.
//   sha256:HEX                   of a key that we made, 256 random bits: nobody guesses it, so one round does
//   scrypt:LOG2N:R:P:SALT:HEX    of a password (RFC 7914): each guess costs memory and time
// Pure.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace manifest {

struct KeyHash {
    bool scrypt = false;
    std::uint64_t n = 0, r = 0, p = 0;
    std::string salt;    // octets
    std::string digest;  // 32 octets
};

inline std::optional<std::string> from_hex(std::string_view text) {
    std::string octets;
    if (text.size() % 2 != 0) return std::nullopt;
    for (std::size_t i = 0; i < text.size(); i += 2) {
        unsigned value = 0;
        const auto* end = text.data() + i + 2;
        if (std::from_chars(text.data() + i, end, value, 16).ptr != end) return std::nullopt;
        octets += static_cast<char>(value);
    }
    return octets;
}

inline std::optional<KeyHash> parse_key_hash(std::string_view text) {
    std::vector<std::string_view> parts;
    for (std::size_t at = 0; at != std::string_view::npos;) {
        const auto end = text.find(':', at);
        parts.push_back(text.substr(at, end - at));
        at = end == std::string_view::npos ? end : end + 1;
    }
    KeyHash hash;
    const auto digest = from_hex(parts.back());
    if (!digest || digest->size() != 32) return std::nullopt;
    hash.digest = *digest;
    if (parts.front() == "sha256" && parts.size() == 2) return hash;
    if (parts.front() != "scrypt" || parts.size() != 6) return std::nullopt;
    const auto number = [](std::string_view digits, std::uint64_t low, std::uint64_t high) -> std::uint64_t {
        std::uint64_t value = 0;
        const auto* end = digits.data() + digits.size();
        if (std::from_chars(digits.data(), end, value).ptr != end || value < low || value > high) return 0;
        return value;
    };
    const auto log2n = number(parts[1], 10, 17);
    hash.scrypt = true;
    hash.n = std::uint64_t{1} << log2n;
    hash.r = number(parts[2], 1, 16);
    hash.p = number(parts[3], 1, 4);
    const auto salt = from_hex(parts[4]);
    if (log2n == 0 || hash.r == 0 || hash.p == 0 || !salt || salt->size() < 8 || salt->size() > 64)
        return std::nullopt;
    hash.salt = *salt;
    return hash;
}

}  // namespace manifest
