// A zlib stream (RFC 1950, 1951) written by someone who knows the data: literals, runs of zeros, and bytes
// stored as they are. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace simulator {

class DeflateWriter {
public:
    explicit DeflateWriter(std::size_t expected);

    void literal(char byte);
    void zeros(std::size_t count);
    void stored(std::string_view bytes);  // at most 65535
    std::string finish();                 // the whole stream with its checksum

private:
    void bits(std::uint32_t value, int count);
    void symbol(int code);  // of the fixed literal/length code
    void open();
    void close();

    std::string out_;
    std::uint64_t hold_ = 0;
    int held_ = 0;
    bool in_block_ = false;
    bool after_zero_ = false;      // the last byte of this block was a zero, which a match may repeat
    std::uint32_t a_ = 1, b_ = 0;  // Adler-32
};

}  // namespace simulator
