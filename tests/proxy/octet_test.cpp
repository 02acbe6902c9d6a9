// Eight octets at a time are judged as one at a time are.
#include "proxy/traffic/octet.hpp"

#include <catch2/catch.hpp>
#include <string>

using namespace proxy;

TEST_CASE("every octet is judged alike alone and among others, wherever it stands", "[head]") {
    const std::string around[] = {"a", " ", "\t", "\x7e", "\x80", "\xff"};
    for (const auto& filler : around)
        for (std::size_t size = 1; size <= 17; ++size)
            for (std::size_t at = 0; at < size; ++at)
                for (int octet = 0; octet < 256; ++octet) {
                    std::string text;
                    while (text.size() < size) text += filler;
                    text[at] = static_cast<char>(octet);
                    if (are_field_octets(text) != all_are<is_field_octet>(text)) FAIL(octet << " at " << at);
                }
    CHECK(are_field_octets(""));
}
