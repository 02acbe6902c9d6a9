#include "proxy/bounds/small_blocks.hpp"

#include <catch2/catch.hpp>
#include <cstring>
#include <thread>
#include <vector>

using proxy::SmallBlocks;

TEST_CASE("a freed block is the next one of its size") {
    const SmallBlocks::Kept kept;
    for (std::size_t size : {1u, 24u, 25u, 40u, 41u, 1024u, 4000u, 4104u}) {
        void* first = SmallBlocks::take(size);
        SmallBlocks::give(first, size);
        void* second = SmallBlocks::take(size);
        CHECK(second == first);
        SmallBlocks::give(second);  // whoever frees it need not know its size
        void* third = SmallBlocks::take(size);
        CHECK(third == first);
        SmallBlocks::give(third);
    }
}

TEST_CASE("a block is never smaller than what was asked for, whoever had it before") {
    const SmallBlocks::Kept kept;
    std::vector<std::pair<unsigned char*, std::size_t>> held;
    std::size_t seed = 1;
    for (int turn = 0; turn < 20000; ++turn) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        const auto size = (seed >> 33) % 4400;
        auto* block = static_cast<unsigned char*>(SmallBlocks::take(size));
        REQUIRE(malloc_usable_size(block) >= size);
        std::memset(block, static_cast<int>(size & 255), size);
        held.emplace_back(block, size);
        if (held.size() < 200) continue;
        const auto which = (seed >> 20) % held.size();
        auto [freed, its_size] = held[which];
        for (std::size_t i = 0; i < its_size; ++i) REQUIRE(freed[i] == (its_size & 255));
        turn % 2 == 0 ? SmallBlocks::give(freed, its_size) : SmallBlocks::give(freed);
        held[which] = held.back();
        held.pop_back();
    }
    for (auto [block, size] : held) SmallBlocks::give(block, size);
}

TEST_CASE("no more is kept of a size than its bound") {
    const SmallBlocks::Kept kept;
    for (std::size_t size : {16u, 1000u, 4000u}) {
        const auto before = SmallBlocks::kept();
        std::vector<void*> blocks;
        for (std::size_t octets = 0; octets < 4 * SmallBlocks::kept_a_class; octets += size)
            blocks.push_back(SmallBlocks::take(size));
        for (void* block : blocks) SmallBlocks::give(block, size);
        CHECK(SmallBlocks::kept() - before <= SmallBlocks::kept_a_class);
        CHECK(SmallBlocks::kept() > before);
    }
}

TEST_CASE("nothing is kept on a thread that did not ask for it, nor after it has ended asking") {
    std::thread([] {
        SmallBlocks::give(SmallBlocks::take(100), 100);
        CHECK(SmallBlocks::kept() == 0);
        void* larger = SmallBlocks::take(5000);
        SmallBlocks::give(larger, 5000);
        SmallBlocks::give(nullptr);
        {
            const SmallBlocks::Kept kept;
            SmallBlocks::give(SmallBlocks::take(100), 100);
            CHECK(SmallBlocks::kept() > 0);
        }
        CHECK(SmallBlocks::kept() == 0);
    }).join();
}

TEST_CASE("a block may be freed by another thread than the one that took it") {
    const SmallBlocks::Kept kept;
    void* block = SmallBlocks::take(200);
    std::thread([block] {
        const SmallBlocks::Kept there;
        SmallBlocks::give(block, 200);
        CHECK(SmallBlocks::take(200) == block);
        SmallBlocks::give(block, 200);
    }).join();
}
