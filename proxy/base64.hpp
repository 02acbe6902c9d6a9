// RFC 4648 without its padding. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace proxy {

inline constexpr std::string_view base64_alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
inline constexpr std::string_view base64url_alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

// The octets; nothing if a character is not of the alphabet. `one_spelling`: nor if bits that stand for no
// octet are set, so that each value is written in one way only.
inline std::optional<std::string> base64_decoded(std::string_view text, std::string_view alphabet,
                                                 bool one_spelling) {
    std::string out;
    unsigned bits = 0, held = 0;
    for (const char c : text) {
        const auto value = alphabet.find(c);
        if (value == std::string_view::npos) return std::nullopt;
        bits = (bits << 6) | static_cast<unsigned>(value);
        held += 6;
        if (held >= 8) out += static_cast<char>((bits >> (held -= 8)) & 255);
    }
    if (one_spelling && held > 0 && (bits & ((1u << held) - 1)) != 0) return std::nullopt;
    return out;
}

}  // namespace proxy
