// One seeded generator for a whole schedule, and how simulations are run: SIM_SEED replays one schedule,
// SIM_SCHEDULES says how many are tried.
#pragma once

#include <catch2/catch.hpp>
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <random>
#include <stdexcept>
#include <string>

namespace sim {

class Dice {
public:
    explicit Dice(std::uint64_t seed) : engine_(seed) {}

    int pick(int from, int to) { return std::uniform_int_distribution<>(from, to)(engine_); }
    bool chance(int percent) { return pick(1, 100) <= percent; }

    // Some element of a container that is not empty.
    template <class Container>
    const auto& any(const Container& all) {
        return *std::next(all.begin(), pick(0, static_cast<int>(all.size()) - 1));
    }

private:
    std::mt19937_64 engine_;
};

struct Broken : std::logic_error {
    using std::logic_error::logic_error;
};

inline void expect(bool holds, const std::string& promise) {
    if (!holds) throw Broken(promise);
}

// Lives through schedule after schedule until a promise is broken.
template <class World>
void run_schedules(std::uint64_t usual) {
    const char* const seed = std::getenv("SIM_SEED");
    const char* const schedules = std::getenv("SIM_SCHEDULES");
    const auto first = seed != nullptr ? std::strtoull(seed, nullptr, 10) : 1;
    const auto count = seed != nullptr        ? 1
                       : schedules != nullptr ? std::strtoull(schedules, nullptr, 10)
                                              : usual;
    for (auto i = first; i < first + count; ++i) {
        World world(i);
        std::string broken;
        try {
            world.live();
            world.settle();
        } catch (const std::exception& promise) {
            broken = promise.what();
        }
        INFO("replay with SIM_SEED=" << i << "; the last steps:\n" << world.diary());
        REQUIRE(broken == "");
    }
}

}  // namespace sim
