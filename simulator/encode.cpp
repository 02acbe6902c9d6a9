#include "simulator/encode.hpp"

#include <zlib.h>

#include <array>
#include <cstdint>
#include <stdexcept>

namespace simulator {
namespace {

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// Two characters at a time: images are the bulk of every answer.
constexpr std::array<std::array<char, 2>, 4096> pairs = [] {
    std::array<std::array<char, 2>, 4096> table{};
    for (std::size_t i = 0; i < table.size(); ++i) table[i] = {alphabet[i >> 6], alphabet[i & 63]};
    return table;
}();

}  // namespace

void append_base64(std::string& out, std::string_view bytes) {
    const std::size_t from = out.size();
    out.resize(from + (bytes.size() + 2) / 3 * 4, '=');
    char* to = out.data() + from;
    const auto at = [&](std::size_t i) { return std::uint32_t{static_cast<unsigned char>(bytes[i])}; };
    std::size_t i = 0;
    for (; i + 2 < bytes.size(); i += 3, to += 4) {
        const std::uint32_t three = at(i) << 16 | at(i + 1) << 8 | at(i + 2);
        const auto &high = pairs[three >> 12], &low = pairs[three & 0xfff];
        to[0] = high[0], to[1] = high[1], to[2] = low[0], to[3] = low[1];
    }
    if (const std::size_t left = bytes.size() - i; left > 0) {
        const std::uint32_t three = at(i) << 16 | (left > 1 ? at(i + 1) << 8 : 0);
        to[0] = alphabet[three >> 18], to[1] = alphabet[three >> 12 & 63];
        if (left > 1) to[2] = alphabet[three >> 6 & 63];
    }
}

std::string base64(std::string_view bytes) {
    std::string out;
    append_base64(out, bytes);
    return out;
}

std::string unbase64(std::string_view text) {
    constexpr auto values = [] {
        std::array<std::int8_t, 256> table{};
        table.fill(-1);
        for (std::size_t i = 0; i < alphabet.size(); ++i)
            table[static_cast<unsigned char>(alphabet[i])] = static_cast<std::int8_t>(i);
        return table;
    }();
    std::string out;
    out.reserve(text.size() * 3 / 4);
    std::uint32_t hold = 0;
    int held = 0;
    for (const char c : text) {
        const int value = values[static_cast<unsigned char>(c)];
        if (value < 0) break;
        hold = hold << 6 | static_cast<std::uint32_t>(value);
        held += 6;
        if (held < 8) continue;
        held -= 8;
        out += static_cast<char>(hold >> held & 0xff);
    }
    return out;
}

std::string gzip(std::string_view bytes) {
    z_stream stream{};
    constexpr int gzip_format = 15 + 16;
    if (deflateInit2(&stream, 9, Z_DEFLATED, gzip_format, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        throw std::bad_alloc();
    std::string out(deflateBound(&stream, bytes.size()), '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream.avail_in = static_cast<uInt>(bytes.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    deflate(&stream, Z_FINISH);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
}

}  // namespace simulator
