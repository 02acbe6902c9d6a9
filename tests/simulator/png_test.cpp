// Pictures are real: every checksum right, every pixel there.
#include "simulator/png.hpp"

#include <zlib.h>

#include <catch2/catch.hpp>
#include <random>
#include <vector>

#include "simulator/deflate.hpp"
#include "simulator/encode.hpp"

using namespace simulator;

namespace {

std::string inflated(const std::string& bytes, std::size_t size, int window_bits = 15) {
    std::string out(size, '\0');
    z_stream stream{};
    REQUIRE(inflateInit2(&stream, window_bits) == Z_OK);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream.avail_in = static_cast<uInt>(bytes.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    const int result = inflate(&stream, Z_FINISH);  // checks Adler-32 as well
    CAPTURE(stream.msg ? stream.msg : "");
    CHECK(result == Z_STREAM_END);
    CHECK(stream.avail_in == 0);
    CHECK(stream.total_out == size);
    inflateEnd(&stream);
    return out;
}

std::size_t number(std::string_view png, std::size_t at) {
    std::size_t value = 0;
    for (std::size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(png[at + i]);
    return value;
}

// Width * height pixels of three bytes, unfiltered; every chunk's CRC is checked on the way.
std::string decode(const std::string& png) {
    REQUIRE(png.substr(0, 8) == "\x89PNG\r\n\x1a\n");
    std::string data, order;
    std::size_t width = 0, height = 0;
    for (std::size_t at = 8; at < png.size();) {
        const std::size_t length = number(png, at);
        REQUIRE(at + 12 + length <= png.size());
        const std::string type = png.substr(at + 4, 4);
        const auto crc =
            crc32(0, reinterpret_cast<const Bytef*>(png.data() + at + 4), static_cast<uInt>(length + 4));
        REQUIRE(number(png, at + 8 + length) == crc);
        if (type == "IHDR") width = number(png, at + 8), height = number(png, at + 12);
        if (type == "IDAT") data += png.substr(at + 8, length);
        order += type + " ";
        at += 12 + length;
    }
    CHECK_THAT(order, Catch::StartsWith("IHDR ") && Catch::EndsWith("IEND "));
    const std::size_t row = 1 + 3 * width;
    const std::string filtered = inflated(data, row * height);
    std::string pixels(3 * width * height, '\0');
    for (std::size_t y = 0; y < height; ++y)
        for (std::size_t x = 0; x < 3 * width; ++x) {
            const char filter = filtered[y * row];
            REQUIRE((filter == 1 || filter == 2));
            const std::size_t at = y * 3 * width + x;
            char before = 0;
            if (filter == 1 && x >= 3) before = pixels[at - 3];
            if (filter == 2 && y > 0) before = pixels[at - 3 * width];
            pixels[at] = static_cast<char>(before + filtered[y * row + 1 + x]);
        }
    return pixels;
}

}  // namespace

TEST_CASE("a picture is a valid PNG of exactly the wanted size", "[png]") {
    for (const auto& [width, height, bytes] :
         {std::tuple{512, 512, std::size_t{40'000}}, std::tuple{512, 512, std::size_t{360'000}},
          std::tuple{1024, 1024, std::size_t{1'300'000}}, std::tuple{512, 768, std::size_t{3'000'000}},
          std::tuple{64, 64, std::size_t{6'000}}, std::tuple{501, 333, std::size_t{100'000}},
          std::tuple{2048, 8, std::size_t{50'000}}}) {
        CAPTURE(width, height, bytes);
        const std::string png = make_png({width, height, "pretty dog", 7, bytes, "some text"});
        CHECK(png.size() == bytes);
        decode(png);
    }
}

TEST_CASE("a picture that is wanted too small is as small as it can be", "[png]") {
    const std::string png = make_png({512, 512, "pretty dog", 7, 1, ""});
    CHECK(png.size() < 20'000);
    decode(png);
}

TEST_CASE("sizes out of bounds are brought within them", "[png]") {
    decode(make_png({1, -5, "x", 1, 100, ""}));
}

TEST_CASE("the usual size of a picture is that of real ones", "[png]") {
    CHECK(usual_png_bytes(512, 512) == 360'000);
    CHECK(static_cast<double>(usual_png_bytes(1024, 1024)) == Approx(1'300'000).epsilon(0.01));
    CHECK(make_png({512, 512, "pretty dog", 7, 0, ""}).size() == 360'000);
}

TEST_CASE("pictures differ by prompt and by seed and are the same again for the same", "[png]") {
    const auto pixels = [](const char* prompt, std::uint64_t seed) {
        return decode(make_png({128, 128, prompt, seed, 20'000, ""}));
    };
    CHECK(pixels("dog", 1) == pixels("dog", 1));
    CHECK(pixels("dog", 1) != pixels("cat", 1));
    CHECK(pixels("dog", 1) != pixels("dog", 2));
}

TEST_CASE("grain does not spill over: no pixel jumps from dark to bright", "[png]") {
    const std::string plain = decode(make_png({128, 128, "dog", 1, 1, ""}));
    const std::string grainy = decode(make_png({128, 128, "dog", 1, 30'000, ""}));
    int most = 0;
    for (std::size_t i = 0; i < plain.size(); ++i)
        most = std::max(
            most, std::abs(static_cast<unsigned char>(plain[i]) - static_cast<unsigned char>(grainy[i])));
    CHECK(most > 0);
    CHECK(most <= 32);
}

TEST_CASE("the text of a picture can be read back", "[png]") {
    CHECK(png_parameters(make_png({64, 64, "dog", 1, 0, "dog\nSteps: 20"})) == "dog\nSteps: 20");
    CHECK(png_parameters("nonsense that is long enough to look into").empty());
    CHECK(png_parameters("").empty());
}

TEST_CASE("what the deflate writer writes is what zlib reads", "[png]") {
    for (std::uint32_t seed = 1; seed <= 200; ++seed) {
        CAPTURE(seed);
        std::mt19937 random(seed);
        DeflateWriter writer(1000);
        std::string plain;
        for (int i = 0; i < 60; ++i) {
            const auto choice = random() % 3;
            if (choice == 0) {
                const char byte = static_cast<char>(random());
                writer.literal(byte);
                plain += byte;
            } else if (choice == 1) {
                const std::size_t count = random() % 2 ? random() % 9 : random() % 1100;
                writer.zeros(count);
                plain.append(count, '\0');
            } else {
                std::string bytes(random() % 300, '\0');
                for (char& byte : bytes) byte = static_cast<char>(random());
                writer.stored(bytes);
                plain += bytes;
            }
        }
        CHECK(inflated(writer.finish(), plain.size()) == plain);
    }
}

TEST_CASE("base64 is that of RFC 4648 and back again", "[encode]") {
    CHECK(base64("") == "");
    CHECK(base64("f") == "Zg==");
    CHECK(base64("fo") == "Zm8=");
    CHECK(base64("foo") == "Zm9v");
    CHECK(base64("foobar") == "Zm9vYmFy");
    CHECK(unbase64("Zm9vYmE=") == "fooba");
    CHECK(unbase64("Zm9v!Zm9v") == "foo");
}

TEST_CASE("gzip is readable by zlib", "[encode]") {
    const std::string text(5000, 'x');
    CHECK(inflated(gzip(text), text.size(), 15 + 16) == text);
}
