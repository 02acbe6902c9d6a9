#include "proxy/bounds/reserve.hpp"

#include <array>
#include <atomic>
#include <cstdlib>
#include <new>

namespace proxy {
namespace {

std::array<std::atomic<void*>, EmergencyMemory::pieces> reserve{};

void give() {
    if (MustNotFail::here())
        for (auto& one : reserve)
            if (void* memory = one.exchange(nullptr)) return std::free(memory);
    throw std::bad_alloc();
}

}  // namespace

thread_local int MustNotFail::depth = 0;

void EmergencyMemory::set_up() {
    refill();
    std::set_new_handler(give);
}

void EmergencyMemory::refill() {
    for (auto& one : reserve)
        if (one.load(std::memory_order_relaxed) == nullptr) one.store(std::malloc(piece));
}

std::size_t EmergencyMemory::left() {
    std::size_t left = 0;
    for (const auto& one : reserve) left += one.load() != nullptr;
    return left;
}

}  // namespace proxy
