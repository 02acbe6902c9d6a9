// What an octet may be in HTTP/1.1: heads and chunked framing are read by the same words. Pure.
#pragma once

#include <array>
#include <string_view>

namespace proxy {

constexpr bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
constexpr bool is_alpha(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
constexpr bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

// RFC 9110 section 5.6.2
inline constexpr auto token_table = [] {
    std::array<bool, 256> table{};
    for (int c = 1; c < 128; ++c) {
        const auto octet = static_cast<char>(c);
        table[static_cast<std::size_t>(c)] =
            is_digit(octet) || is_alpha(octet) ||
            std::string_view("!#$%&'*+-.^_`|~").find(octet) != std::string_view::npos;
    }
    return table;
}();
constexpr bool is_token_octet(char c) {
    return token_table[static_cast<unsigned char>(c)];
}

// Inlined, which std::all_of with the address of a function is not.
template <bool (*is)(char)>
constexpr bool all_are(std::string_view text) {
    for (const char c : text)
        if (!is(c)) return false;
    return true;
}

// RFC 9110 section 5.5: VCHAR, obs-text, SP, HTAB.
constexpr bool is_field_octet(char c) {
    const auto u = static_cast<unsigned char>(c);
    return u == '\t' || (u >= 0x20 && u != 0x7f);
}

}  // namespace proxy
