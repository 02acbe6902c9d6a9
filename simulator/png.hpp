// Pictures that cost next to nothing to make: real PNGs of a wanted size that differ by prompt and seed.
// Pure. Thread-safety: one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace simulator {

struct Picture {
    int width = 512, height = 512;  // 8 to 4096 each, else it is brought there
    std::string prompt;             // chooses the landscape
    std::uint64_t seed = 0;         // chooses the light and the grain
    std::size_t bytes = 0;          // wanted size of the file; 0: as real ones of this size have
    std::string text;               // tEXt "parameters", Latin-1
};

// 0.36 MB at 512x512, 1.3 MB at 1024x1024: medians of real images recompressed with zlib 6.
std::size_t usual_png_bytes(int width, int height);

// Exactly `bytes` long, unless the bare picture needs more (about 10 kB at 512x512).
std::string make_png(const Picture& picture);

// The tEXt "parameters" of a PNG; empty: it has none, or is no PNG.
std::string png_parameters(std::string_view png);

}  // namespace simulator
