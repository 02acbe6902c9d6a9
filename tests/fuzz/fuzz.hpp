// What all fuzz targets share: an oracle that fails ends the run as a crash does, and says what was not so.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#define EXPECT(what)                                                                      \
    do {                                                                                  \
        if (!(what)) {                                                                    \
            std::fprintf(stderr, "%s:%d: it is not so: %s\n", __FILE__, __LINE__, #what); \
            std::abort();                                                                 \
        }                                                                                 \
    } while (false)

inline std::string_view octets_of(const std::uint8_t* data, std::size_t size) {
    return {reinterpret_cast<const char*>(data), size};
}

// The last octet of an input chooses among variants; it is taken off.
inline unsigned choice(std::string_view& octets) {
    if (octets.empty()) return 0;
    const auto last = static_cast<unsigned char>(octets.back());
    octets.remove_suffix(1);
    return last;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
