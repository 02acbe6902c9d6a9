// What keeps strangers within bounds, shared by the listeners, all workers and control. Any thread.
#pragma once

#include <atomic>
#include <cstdint>

#include "proxy/bounds/load.hpp"
#include "proxy/bounds/peers.hpp"

namespace proxy {

struct Bounds {
    using Counter = std::atomic<std::uint64_t>;

    Peers peers;
    std::atomic<Load> load{Load::normal};
    Counter over_peer_limit{0};   // connections closed: their peer has as many as it may have
    Counter idle_shed{0};         // closed to make room
    Counter slow_heads{0};        // closed: the head, or the first octet, did not come in time
    Counter http2_floods{0};      // closed: too many resets, or frames that are about no request
    Counter slow_bodies{0};       // answered 408
    Counter accept_pauses{0};     // for want of connections or descriptors
    Counter refused_overload{0};  // requests answered 503 by the load's level
    Counter queue_shed{0};        // those of them that waited already
    Counter failures{0};          // connections and requests that ended by an exception
    Counter log_lines_lost{0};    // a full disk, a pipe that nobody reads

    bool keeps_alive() const { return load.load(std::memory_order_relaxed) < Load::no_keep_alive; }
    bool takes_new() const { return load.load(std::memory_order_relaxed) < Load::refuse_new; }
};

inline void count(Bounds::Counter& counter) {
    counter.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace proxy
