// The process's operator new and delete: the standard's, over blocks that threads keep. Not for sanitizers,
// which bring their own, nor for the tests that let allocations fail.
#include <new>

#include "proxy/bounds/small_blocks.hpp"

void* operator new(std::size_t size) {
    for (;;) {
        if (void* memory = proxy::SmallBlocks::take(size)) return memory;
        const auto handler = std::get_new_handler();
        if (handler == nullptr) throw std::bad_alloc();
        handler();
    }
}

void operator delete(void* memory) noexcept {
    proxy::SmallBlocks::give(memory);
}

void operator delete(void* memory, std::size_t size) noexcept {
    if (memory != nullptr) proxy::SmallBlocks::give(memory, size);
}
