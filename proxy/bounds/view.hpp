// The bounds' counters as a snapshot holds them.
#pragma once

#include "proxy/bounds/bounds.hpp"

namespace proxy {

struct BoundsView {
    Load load = Load::normal;
    std::uint64_t memory = 0, memory_limit = 0;
    std::uint64_t over_peer_limit = 0, idle_shed = 0, slow_heads = 0, http2_floods = 0, slow_bodies = 0,
                  accept_pauses = 0, refused_overload = 0, queue_shed = 0, failures = 0, log_lines_lost = 0;
};

inline BoundsView view_of(const Bounds& bounds, const LoadSeen& seen) {
    return {bounds.load,          seen.memory,
            seen.memory_limit,    bounds.over_peer_limit,
            bounds.idle_shed,     bounds.slow_heads,
            bounds.http2_floods,  bounds.slow_bodies,
            bounds.accept_pauses, bounds.refused_overload,
            bounds.queue_shed,    bounds.failures,
            bounds.log_lines_lost};
}

}  // namespace proxy
