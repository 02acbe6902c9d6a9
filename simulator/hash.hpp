// Small, fast, repeatable randomness from a text or a number: FNV-1a, stretched by splitmix64.
#pragma once

#include <cstdint>
#include <string_view>

namespace simulator {

class Hash {
public:
    explicit Hash(std::uint64_t state) : state_(state) {}
    explicit Hash(std::string_view text) {
        state_ = 0xcbf29ce484222325u;
        for (unsigned char c : text) state_ = (state_ ^ c) * 0x100000001b3u;
    }

    std::uint64_t next() {
        std::uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        return z ^ (z >> 31);
    }
    double share() { return static_cast<double>(next() >> 11) * 0x1p-53; }  // 0 to 1, without 1

private:
    std::uint64_t state_ = 0;
};

}  // namespace simulator
