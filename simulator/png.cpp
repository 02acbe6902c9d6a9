// How it stays cheap: a landscape of square tiles, about 64 across. The first row of a tile row is filtered
// with Sub, so that only where the colour changes is there anything but zeros; the rows below repeat it with
// Up. Film grain makes up the wanted size: a pair of Up rows adds noise and takes it away again, stored
// uncompressed out of a pool made once. The deflate stream is written directly, since all of its matches are
// known beforehand.
#include "simulator/png.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "simulator/deflate.hpp"
#include "simulator/hash.hpp"

namespace simulator {
namespace {

struct Colour {
    int r = 0, g = 0, b = 0;
    friend bool operator==(const Colour&, const Colour&) = default;
};

// Hue in turns, saturation and lightness 0 to 1, kept away from black and white so that grain never wraps.
Colour colour(double hue, double saturation, double lightness) {
    const auto channel = [&](double turn) {
        const double h = turn - std::floor(turn);
        const double wave = std::clamp(std::abs(h * 6 - 3) - 1, 0.0, 1.0);
        const double value = lightness + saturation * (wave - 0.5) * (1 - std::abs(2 * lightness - 1));
        return static_cast<int>(40 + 175 * std::clamp(value, 0.0, 1.0));
    };
    return {channel(hue), channel(hue + 2.0 / 3), channel(hue + 1.0 / 3)};
}

// A sky with a sun over ridges of hills, all of it drawn from two hashes.
class Landscape {
public:
    Landscape(const Picture& picture, int columns, int rows) : columns_(columns), rows_(rows) {
        Hash shape(picture.prompt);
        Hash light(picture.seed ^ shape.next());
        hue_ = shape.share() + 0.06 * light.share();
        const double across = columns, down = rows;
        sun_x_ = across * (0.15 + 0.7 * light.share());
        sun_y_ = down * (0.12 + 0.3 * light.share());
        sun_radius_ = std::min(across, down) * (0.06 + 0.07 * shape.share());
        for (std::size_t ridge = 0; ridge < ridges; ++ridge) {
            const double base = down * (0.42 + 0.16 * static_cast<double>(ridge));
            const double frequency[] = {1 + 2 * shape.share(), 3 + 4 * shape.share(), 9 + 6 * shape.share()};
            const double phase[] = {7 * shape.share(), 7 * shape.share(), 7 * shape.share()};
            heights_[ridge].resize(static_cast<std::size_t>(columns));
            for (int x = 0; x < columns; ++x) {
                const double turn = 2 * 3.14159265358979 * x / across;
                heights_[ridge][static_cast<std::size_t>(x)] =
                    base + down * (0.09 * std::sin(frequency[0] * turn + phase[0]) +
                                   0.04 * std::sin(frequency[1] * turn + phase[1]) +
                                   0.015 * std::sin(frequency[2] * turn + phase[2]));
            }
            ridge_colours_[ridge] = colour(hue_ + 0.3 + 0.07 * static_cast<double>(ridge), 0.65,
                                           0.62 - 0.14 * static_cast<double>(ridge));
        }
        sun_colour_ = colour(hue_ + 0.5, 0.9, 0.85);
    }

    void row(int y, std::vector<Colour>& out) const {
        // The sky in eight bands, as a screen print.
        const double depth = std::floor(8.0 * y / rows_) / 8;
        const Colour sky = colour(hue_ + 0.12 * depth, 0.7, 0.45 + 0.4 * depth);
        for (int x = 0; x < columns_; ++x) {
            const auto column = static_cast<std::size_t>(x);
            const double dx = x - sun_x_, dy = y - sun_y_;
            Colour here = dx * dx + dy * dy < sun_radius_ * sun_radius_ ? sun_colour_ : sky;
            for (std::size_t ridge = 0; ridge < ridges; ++ridge)
                if (y > heights_[ridge][column]) here = ridge_colours_[ridge];
            out[column] = here;
        }
    }

private:
    static constexpr std::size_t ridges = 4;
    int columns_, rows_;
    double hue_ = 0, sun_x_ = 0, sun_y_ = 0, sun_radius_ = 0;
    std::array<std::vector<double>, ridges> heights_;
    std::array<Colour, ridges> ridge_colours_;
    Colour sun_colour_;
};

constexpr std::size_t pool_bytes = 1 << 18;
constexpr std::size_t longest_row = 3 * 4096;

// Noise of six bits around zero, and its negative.
struct GrainPool {
    std::string plus, minus;
    GrainPool() {
        Hash noise(std::uint64_t{20240226});
        plus.resize(pool_bytes + longest_row);
        minus.resize(plus.size());
        for (std::size_t i = 0; i < plus.size(); ++i) {
            const int grain = static_cast<int>(noise.next() >> 58) - 32;
            plus[i] = static_cast<char>(grain);
            minus[i] = static_cast<char>(-grain);
        }
    }
};

constexpr char filter_sub = 1, filter_up = 2;

void put32(std::string& out, std::size_t value) {
    for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xff);
}

void put_chunk(std::string& out, std::string_view type, std::string_view data) {
    put32(out, data.size());
    const std::size_t from = out.size();
    out += type;
    out += data;
    put32(out,
          crc32(0, reinterpret_cast<const Bytef*>(out.data() + from), static_cast<uInt>(out.size() - from)));
}

struct Layout {
    int width, height, tile, columns, rows;
    std::size_t row_bytes() const { return 1 + 3 * static_cast<std::size_t>(width); }
    std::size_t pairs_of(int row) const {  // of grain, that fit under the first pixel row of a tile row
        return static_cast<std::size_t>(std::min(tile, height - row * tile) - 1) / 2;
    }
    std::size_t most_pairs() const {
        std::size_t pairs = 0;
        for (int row = 0; row < rows; ++row) pairs += pairs_of(row);
        return pairs;
    }
};

// The zlib stream with so many pairs of grain rows, spread evenly.
std::string pixels(const Picture& picture, const Layout& at, std::size_t pairs) {
    static const GrainPool pool;
    const Landscape landscape(picture, at.columns, at.rows);
    const std::size_t most = std::max<std::size_t>(1, at.most_pairs());
    Hash grain(picture.seed * 0x9e3779b97f4a7c15u + 1);
    std::vector<Colour> colours(static_cast<std::size_t>(at.columns));
    std::string stored(2 * at.row_bytes(), filter_up);
    DeflateWriter out(pairs * (2 * at.row_bytes() + 16) + 64 * 1024);
    std::size_t seen = 0;
    for (int row = 0; row < at.rows; ++row) {
        landscape.row(row, colours);
        out.literal(filter_sub);
        Colour left;
        std::size_t zeros = 0;
        for (int column = 0; column < at.columns; ++column) {
            const Colour here = colours[static_cast<std::size_t>(column)];
            const auto wide = static_cast<std::size_t>(std::min(at.tile, at.width - column * at.tile));
            if (here == left) {
                zeros += 3 * wide;
                continue;
            }
            out.zeros(zeros);
            out.literal(static_cast<char>(here.r - left.r));
            out.literal(static_cast<char>(here.g - left.g));
            out.literal(static_cast<char>(here.b - left.b));
            zeros = 3 * (wide - 1);
            left = here;
        }
        out.zeros(zeros);

        auto below = static_cast<std::size_t>(std::min(at.tile, at.height - row * at.tile) - 1);
        for (std::size_t pair = 0; pair < at.pairs_of(row); ++pair, ++seen) {
            if ((seen + 1) * pairs / most == seen * pairs / most) continue;
            const std::size_t from = grain.next() % pool_bytes, wide = at.row_bytes() - 1;
            std::copy_n(pool.plus.data() + from, wide, stored.data() + 1);
            std::copy_n(pool.minus.data() + from, wide, stored.data() + 2 + wide);
            out.stored(stored);
            below -= 2;
        }
        for (; below > 0; --below) {
            out.literal(filter_up);
            out.zeros(at.row_bytes() - 1);
        }
    }
    return out.finish();
}

Layout layout(const Picture& picture) {
    const int width = std::clamp(picture.width, 8, 4096), height = std::clamp(picture.height, 8, 4096);
    const int tile = std::max(3, (std::max(width, height) + 63) / 64);
    return {width, height, tile, (width + tile - 1) / tile, (height + tile - 1) / tile};
}

}  // namespace

std::size_t usual_png_bytes(int width, int height) {
    // 1.37 bytes a pixel at 512x512, falling a little with the size.
    const double area = static_cast<double>(std::clamp(width, 8, 4096)) * std::clamp(height, 8, 4096);
    return static_cast<std::size_t>(360'000 * std::pow(area / (512.0 * 512.0), 0.926));
}

std::string make_png(const Picture& picture) {
    const Layout at = layout(picture);
    const std::size_t wanted = picture.bytes ? picture.bytes : usual_png_bytes(at.width, at.height);

    std::string png = "\x89PNG\r\n\x1a\n";
    png.reserve(wanted + 64 * 1024);
    std::string head;
    put32(head, static_cast<std::size_t>(at.width));
    put32(head, static_cast<std::size_t>(at.height));
    head += std::string("\x08\x02\x00\x00\x00", 5);  // 8 bits, RGB
    put_chunk(png, "IHDR", head);
    if (!picture.text.empty()) put_chunk(png, "tEXt", std::string("parameters\0", 11) + picture.text);

    // A guess at what the bare picture takes (rows of zeros, and some for the tiles) leaves the rest to the
    // grain; should it be too little or too much, the rest of the size is a chunk that every reader skips.
    constexpr std::size_t frame = 12 + 12 + 12;
    const std::size_t bare = static_cast<std::size_t>(at.height) * (4 + at.row_bytes() / 150) + 5000;
    const std::size_t pair = 2 * at.row_bytes() + 10;
    const std::size_t taken = png.size() + frame + bare;
    const std::size_t pairs = wanted > taken ? std::min((wanted - taken) / pair, at.most_pairs()) : 0;
    put_chunk(png, "IDAT", pixels(picture, at, pairs));
    if (wanted > png.size() + 24) {
        std::string filling(wanted - png.size() - 24, '\0');
        Hash noise(picture.seed);
        for (char& byte : filling) byte = static_cast<char>(noise.next() >> 56);
        put_chunk(png, "fiLl", filling);
    }
    put_chunk(png, "IEND", "");
    return png;
}

std::string png_parameters(std::string_view png) {
    constexpr std::string_view wanted("tEXtparameters\0", 15);
    for (std::size_t at = 8; at + 12 <= png.size();) {
        std::size_t length = 0;
        for (std::size_t i = 0; i < 4; ++i) length = length << 8 | static_cast<unsigned char>(png[at + i]);
        if (length > png.size() - at - 12) return {};
        const std::string_view chunk = png.substr(at + 4, 4 + length);
        if (chunk.starts_with(wanted)) return std::string(chunk.substr(wanted.size()));
        at += 12 + length;
    }
    return {};
}

}  // namespace simulator
