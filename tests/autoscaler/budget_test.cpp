#include "autoscaler/budget.hpp"

#include <catch2/catch.hpp>

using namespace autoscaler;
using Pods = std::vector<int>;

TEST_CASE("without a bound everybody gets what it wants", "[budget]") {
    CHECK(fit({{5, 0, 1, 9}, {1'000'000'000, 0, 2, 0}}, unlimited_gpus) == Pods{5, 1'000'000'000});
}

TEST_CASE("nobody loses a pod to another revision", "[budget]") {
    CHECK(fit({{4, 4, 1, 0}, {4, 0, 1, 100}}, 5) == Pods{4, 1});
}

TEST_CASE("GPUs are free when their pods are gone, not when they are asked to go", "[budget]") {
    CHECK(fit({{0, 3, 1, 0}, {3, 0, 1, 5}}, 4) == Pods{0, 1});
}

TEST_CASE("growth goes where most wait for each new pod", "[budget]") {
    CHECK(fit({{9, 0, 1, 2}, {9, 0, 1, 6}}, 4) == Pods{1, 3});
}

TEST_CASE("among equals the one with fewest pods grows first", "[budget]") {
    CHECK(fit({{5, 3, 1, 2}, {5, 0, 1, 2}}, 4) == Pods{3, 1});
}

TEST_CASE("who waits comes before a reserve that nobody waits for", "[budget]") {
    CHECK(fit({{3, 0, 1, 0}, {2, 0, 1, 1}}, 3) == Pods{1, 2});
}

TEST_CASE("a pod that needs more than is left is passed over", "[budget]") {
    CHECK(fit({{2, 0, 4, 9}, {2, 0, 1, 1}}, 5) == Pods{1, 1});
    CHECK(fit({{2, 0, 4, 9}, {2, 0, 1, 1}}, 3) == Pods{0, 2});
}

TEST_CASE("pods without a GPU need no budget, not even when it is overdrawn", "[budget]") {
    CHECK(fit({{3, 0, 0, 0}, {6, 6, 1, 0}}, 4) == Pods{3, 6});
}

TEST_CASE("nothing wanted, nothing given", "[budget]") {
    CHECK(fit({}, 4).empty());
    CHECK(fit({{0, 0, 1, 7}}, 4) == Pods{0});
}
