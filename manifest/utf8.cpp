#include "manifest/utf8.hpp"

#include <cstdint>

namespace manifest {

namespace {

// Length of the UTF-8 sequence at the front, 0 if it is not one: overlong, a surrogate, beyond U+10FFFF, or
// cut.
std::size_t sequence(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned first = byte(0);
    if (first < 0x80) return 1;
    const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
    std::uint32_t code = first & (0x7fu >> length);
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xc0) != 0x80) return 0;
        code = (code << 6) | (byte(i) & 0x3fu);
    }
    const bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
    const bool surrogate = code >= 0xd800 && code <= 0xdfff;
    return overlong || surrogate || code > 0x10ffff ? 0 : length;
}

bool control(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t' && c != '\n' && c != '\r') || byte == 0x7f;
}

}  // namespace

std::optional<BadText> first_bad_text(std::string_view text) {
    BadText here;
    while (!text.empty()) {
        const auto length = sequence(text);
        if (length == 0) return BadText{here.line, here.column, "not UTF-8; save the file as UTF-8"};
        if (control(text[0]))
            return BadText{here.line, here.column,
                           "a control character; remove it, or write it as an escape in quotes"};
        if (text[0] == '\n') {
            ++here.line;
            here.column = 0;
        }
        here.column += static_cast<int>(length);
        text.remove_prefix(length);
    }
    return std::nullopt;
}

}  // namespace manifest
