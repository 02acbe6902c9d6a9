// Small memory that comes and goes with each request: freed blocks are kept a while by the thread that freed
// them, and given out again without asking the C library, which costs several times as much. Bounded, and
// only on threads that say so; what is larger, or more than is kept, is the C library's as ever.
#pragma once

#include <malloc.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>

namespace proxy {

class SmallBlocks {
public:
    static constexpr std::size_t largest = 4096 + 8;       // octets
    static constexpr std::size_t kept_a_class = 32 << 10;  // octets

    // Blocks are kept on this thread while one lives.
    class Kept {
    public:
        Kept() { mine.begin(); }
        Kept(const Kept&) = delete;
        ~Kept() { mine.end(); }
    };

    // As malloc(3).
    static void* take(std::size_t size) {
        const auto which = class_of(size);
        if (which >= classes) return std::malloc(size);
        auto& line = mine.lines[which];
        if (line.front == nullptr) return std::malloc(size_of(which));
        ++line.room;
        auto* block = line.front;
        line.front = block->next;
        return block;
    }

    // As free(3). `size`: what take() was asked for.
    static void give(void* memory, std::size_t size) {
        const auto which = class_of(size);
        which < classes ? keep(memory, which) : std::free(memory);
    }
    static void give(void* memory) {
        if (memory == nullptr) return;
        const auto size = malloc_usable_size(memory);  // never less than was asked for, perhaps a step more
        const auto which = (size - 8) / step;
        which > 0 && which < classes ? keep(memory, which) : std::free(memory);
    }

    static std::size_t kept();  // octets, on this thread

private:
    // The C library's own sizes: 16 n + 8 octets.
    static constexpr std::size_t step = 16, classes = (largest - 8) / step + 1;
    static constexpr std::size_t class_of(std::size_t size) {
        return size <= step + 8 ? 1 : (size + step - 9) / step;
    }
    static constexpr std::size_t size_of(std::size_t which) { return which * step + 8; }

    static void keep(void* memory, std::size_t which) {
        auto& line = mine.lines[which];
        if (line.room == 0) return std::free(memory);
        --line.room;
        line.front = ::new (memory) Block{line.front};
    }

    struct Block {
        Block* next;
    };
    struct Line {
        Block* front = nullptr;
        std::uint32_t room = 0;  // blocks that may yet be kept
    };
    struct Thread {
        std::array<Line, classes> lines{};
        void begin();
        void end();
    };
    static constinit thread_local Thread mine;
};

}  // namespace proxy
