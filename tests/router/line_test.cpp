// A set with ranks, against the standard's set.
#include "router/line.hpp"

#include <catch2/catch.hpp>
#include <random>
#include <set>

using namespace router;

namespace {

void compare(const Ranked<int>& line, const std::set<int>& plain) {
    REQUIRE(line.size() == plain.size());
    std::vector<int> seen;
    line.each([&](int key) {
        seen.push_back(key);
        return true;
    });
    REQUIRE(seen == std::vector<int>(plain.begin(), plain.end()));
    std::size_t rank = 0;
    for (const int key : plain) {
        REQUIRE(line.before(key) == rank);
        REQUIRE(line.at(rank) == key);
        ++rank;
    }
    if (!plain.empty()) REQUIRE(line.front() == *plain.begin());
}

}  // namespace

TEST_CASE("a line knows who stands where, whatever comes and goes", "[line]") {
    std::mt19937 dice(1);
    const auto pick = [&](int most) { return std::uniform_int_distribution<>(0, most)(dice); };
    for (int round = 0; round < 20; ++round) {
        Ranked<int> line;
        std::set<int> plain;
        int newest = 0;
        const int busy = pick(100);
        for (int step = 0; step < 3000; ++step) {
            const int key = pick(10) < 8 ? newest++ : pick(4000);
            if (pick(100) < busy) {
                line.insert(key), plain.insert(key);
            } else if (!plain.empty()) {
                const int gone = pick(1) == 0 ? *plain.begin() : pick(4000);
                line.erase(gone), plain.erase(gone);
            }
            REQUIRE(line.contains(key) == plain.contains(key));
        }
        compare(line, plain);
        while (!plain.empty()) line.erase(*plain.begin()), plain.erase(plain.begin());
        compare(line, plain);
        line.insert(1);
        line.clear();
        compare(line, {});
    }
}

TEST_CASE("a rank is asked for also of somebody who is not there", "[line]") {
    Line line;
    CHECK(line.before(Ticket{5}) == 0);
    for (const std::uint64_t n : {2u, 4u, 6u}) line.insert(Ticket{n});
    CHECK(line.before(Ticket{1}) == 0);
    CHECK(line.before(Ticket{5}) == 2);
    CHECK(line.before(Ticket{9}) == 3);
    line.insert(Ticket{4});  // again
    CHECK(line.size() == 3);
    line.erase(Ticket{5});
    CHECK(line.size() == 3);
}

TEST_CASE("a walk along a line ends where the visitor says", "[line]") {
    Line line;
    for (std::uint64_t n = 1; n < 1000; ++n) line.insert(Ticket{n});
    int visited = 0;
    line.each([&](Ticket ticket) { return ++visited, ticket < Ticket{500}; });
    CHECK(visited == 500);
}
