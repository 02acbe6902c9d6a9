// The process's operator new and delete: the standard's, over blocks that threads keep. Not for sanitizers,
// which bring their own, nor for the tests that let allocations fail.
#include <malloc.h>

#include <new>

#include "proxy/bounds/small_blocks.hpp"

namespace {

// Octets at the end of an arena, one a worker, that stay there when they are free; and from how many on
// memory is the system's own. With malloc's usual 128 KiB each large answer's blocks went back to the system
// and came anew, page by page, which cost as much as to pass the answer on.
constexpr int kept_free = 4 << 20, of_its_own = 1 << 20;
const bool is_set_up =
    ::mallopt(M_TRIM_THRESHOLD, kept_free) != 0 && ::mallopt(M_MMAP_THRESHOLD, of_its_own) != 0;

}  // namespace

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
