// What an octet may be in HTTP/1.1: heads and chunked framing are read by the same words. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
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
constexpr char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

// Which octets are of a kind, to be looked up: cheaper than comparisons, and heads are full of such
// questions.
class OctetTable {
public:
    template <class Is>
    constexpr explicit OctetTable(Is is) {
        for (std::size_t c = 0; c < are_.size(); ++c) are_[c] = is(static_cast<char>(c));
    }
    constexpr bool operator[](char c) const { return are_[static_cast<unsigned char>(c)]; }

private:
    std::array<bool, 256> are_{};
};

// RFC 9110 section 5.6.2
inline constexpr OctetTable token_table([](char c) {
    return is_digit(c) || is_alpha(c) ||
           (c != 0 && std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos);
});
constexpr bool is_token_octet(char c) {
    return token_table[c];
}

// Inlined, which std::all_of with the address of a function is not.
template <bool (*is)(char)>
constexpr bool all_are(std::string_view text) {
    for (const char c : text)
        if (!is(c)) return false;
    return true;
}

// Without the blanks around it.
constexpr std::string_view trim(std::string_view text) {
    while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
    return text;
}

// RFC 9110 section 5.5: VCHAR, obs-text, SP, HTAB.
constexpr bool is_field_octet(char c) {
    const auto u = static_cast<unsigned char>(c);
    return u == '\t' || (u >= 0x20 && u != 0x7f);
}

// The same of a whole text, eight octets at a time: heads are mostly values, and values mostly printable.
inline bool are_field_octets(std::string_view text) {
    constexpr std::uint64_t ones = 0x0101010101010101, tops = ones << 7;
    while (text.size() >= 8) {
        std::uint64_t eight;
        std::memcpy(&eight, text.data(), 8);
        const auto del = eight ^ (ones * 0x7f);
        // Nothing below SP and no DEL sets no top bit. A borrow may set one too many: they are looked at.
        const auto suspect = ((eight - ones * 0x20) & ~eight) | ((del - ones) & ~del);
        if ((suspect & tops) != 0 && !all_are<is_field_octet>(text.substr(0, 8))) return false;
        text.remove_prefix(8);
    }
    return all_are<is_field_octet>(text);
}

}  // namespace proxy
