// Memory for when there is none. What one connection asks for in vain ends that one (std::bad_alloc); what
// all depend on - who holds which slot, the deadlines, the clock of control - gets it from a reserve.
#pragma once

#include <cstddef>

namespace proxy {

// While one lives on a thread, an allocation there that fails takes the reserve and is tried again.
class MustNotFail {
public:
    MustNotFail() { ++depth; }
    MustNotFail(const MustNotFail&) = delete;
    ~MustNotFail() { --depth; }
    static bool here() { return depth > 0; }

private:
    static thread_local int depth;
};

class EmergencyMemory {
public:
    static constexpr std::size_t pieces = 16, piece = 256 << 10;
    static void set_up();  // becomes the process's std::new_handler
    static void refill();  // what was used; now and then, from one thread
    static std::size_t left();
};

}  // namespace proxy
