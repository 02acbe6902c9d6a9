#include "simulator/deflate.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>

namespace simulator {
namespace {

constexpr std::uint32_t adler_base = 65521;
constexpr int end_of_block = 256, longest_match_code = 285;
constexpr std::size_t longest_match = 258;

struct Code {
    std::uint16_t bits = 0;  // in the order in which they are sent, first lowest
    std::uint8_t length = 0;
};

// RFC 1951, 3.2.6. Huffman codes are sent from their highest bit.
constexpr std::array<Code, 288> make_codes() {
    std::array<Code, 288> codes{};
    for (int symbol = 0; symbol < 288; ++symbol) {
        int code = 0, length = 8;
        if (symbol < 144) {
            code = 0x30 + symbol;
        } else if (symbol < 256) {
            code = 0x190 + symbol - 144, length = 9;
        } else if (symbol < 280) {
            code = symbol - 256, length = 7;
        } else {
            code = 0xc0 + symbol - 280;
        }
        int reversed = 0;
        for (int bit = 0; bit < length; ++bit) reversed |= (code >> bit & 1) << (length - 1 - bit);
        codes[static_cast<std::size_t>(symbol)] = {static_cast<std::uint16_t>(reversed),
                                                   static_cast<std::uint8_t>(length)};
    }
    return codes;
}
constexpr auto codes = make_codes();

struct LengthCode {
    int symbol, base, extra_bits;
};

// RFC 1951, 3.2.5: lengths 3 to 257; 258 is code 285.
constexpr LengthCode length_code(std::size_t length) {
    int symbol = 257, base = 3, extra = 0;
    for (int group = 0; group < 7; ++group) {
        extra = group < 2 ? 0 : group - 1;
        for (int i = 0; i < 4; ++i, ++symbol) {
            const int next = base + (1 << extra);
            if (static_cast<int>(length) < next) return {symbol, base, extra};
            base = next;
        }
    }
    return {longest_match_code, 258, 0};
}

}  // namespace

DeflateWriter::DeflateWriter(std::size_t expected) {
    out_.reserve(expected);
    out_ += "\x78\x01";
}

void DeflateWriter::bits(std::uint32_t value, int count) {
    hold_ |= std::uint64_t{value} << held_;
    held_ += count;
    while (held_ >= 8) {
        out_ += static_cast<char>(hold_ & 0xff);
        hold_ >>= 8;
        held_ -= 8;
    }
}

void DeflateWriter::symbol(int code) {
    const Code& sent = codes[static_cast<std::size_t>(code)];
    bits(sent.bits, sent.length);
}

void DeflateWriter::open() {
    if (in_block_) return;
    bits(0b010, 3);  // not the last, fixed Huffman codes
    in_block_ = true;
    after_zero_ = false;
}

void DeflateWriter::close() {
    if (in_block_) symbol(end_of_block);
    in_block_ = false;
}

void DeflateWriter::literal(char byte) {
    open();
    const auto value = static_cast<unsigned char>(byte);
    symbol(value);
    after_zero_ = value == 0;
    a_ += value;
    if (a_ >= adler_base) a_ -= adler_base;
    b_ = (b_ + a_) % adler_base;
}

void DeflateWriter::zeros(std::size_t count) {
    while (count > 0 && (!after_zero_ || count < 3)) literal(0), --count;
    b_ = static_cast<std::uint32_t>((b_ + std::uint64_t{a_} * count) % adler_base);
    while (count > 0) {
        std::size_t length = std::min(count, longest_match);
        if (const std::size_t rest = count - length; rest == 1 || rest == 2)
            length -= 3;  // a match has at least 3
        const LengthCode code =
            length == longest_match ? LengthCode{longest_match_code, 258, 0} : length_code(length);
        symbol(code.symbol);
        bits(static_cast<std::uint32_t>(static_cast<int>(length) - code.base), code.extra_bits);
        bits(0, 5);  // distance 1
        count -= length;
    }
}

void DeflateWriter::stored(std::string_view bytes) {
    close();
    bits(0b000, 3);
    if (held_ > 0) bits(0, 8 - held_);
    const auto size = static_cast<std::uint32_t>(bytes.size());
    bits(size, 16);
    bits(~size & 0xffff, 16);
    out_ += bytes;
    const auto sum = adler32(b_ << 16 | a_, reinterpret_cast<const Bytef*>(bytes.data()), size);
    a_ = static_cast<std::uint32_t>(sum & 0xffff);
    b_ = static_cast<std::uint32_t>(sum >> 16 & 0xffff);
    after_zero_ = false;
}

std::string DeflateWriter::finish() {
    close();
    bits(0b011, 3);  // a last, empty block
    symbol(end_of_block);
    if (held_ > 0) bits(0, 8 - held_);
    for (std::uint32_t half : {b_, a_}) {
        out_ += static_cast<char>(half >> 8);
        out_ += static_cast<char>(half & 0xff);
    }
    return std::move(out_);
}

}  // namespace simulator
