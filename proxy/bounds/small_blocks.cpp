#include "proxy/bounds/small_blocks.hpp"

#include <utility>

namespace proxy {

constinit thread_local SmallBlocks::Thread SmallBlocks::mine;

void SmallBlocks::Thread::begin() {
    for (std::size_t which = 1; which < classes; ++which)
        lines[which].room = static_cast<std::uint32_t>(kept_a_class / size_of(which));
}

void SmallBlocks::Thread::end() {
    for (auto& line : lines) {
        line.room = 0;
        while (line.front != nullptr) std::free(std::exchange(line.front, line.front->next));
    }
}

std::size_t SmallBlocks::kept() {
    std::size_t octets = 0;
    for (std::size_t which = 1; which < classes; ++which)
        for (const auto* block = mine.lines[which].front; block != nullptr; block = block->next)
            octets += size_of(which);
    return octets;
}

}  // namespace proxy
