// Sets in order that know how many stand before whom. libstdc++'s trees, as the standard's have no ranks.
#pragma once

#include <cstdint>
#include <ext/pb_ds/assoc_container.hpp>
#include <ext/pb_ds/tree_policy.hpp>
#include <functional>

#include "router/settings.hpp"

namespace router {

// One request: first a place in the queue, then a slot. Numbers grow with arrival, so that a request which is
// retried with its old ticket stands where it stood.
enum class Ticket : std::uint64_t {};

template <class Key, class Value>
using Ranked = __gnu_pbds::tree<Key, Value, std::less<Key>, __gnu_pbds::rb_tree_tag,
                                __gnu_pbds::tree_order_statistics_node_update>;

// Who waits. order_of_key(ticket): how many came before it.
using Line = Ranked<Ticket, __gnu_pbds::null_type>;

// Since when slots are held, by the number of their grant. find_by_order(n): the n-th oldest.
using Held = Ranked<std::uint64_t, TimePoint>;

inline bool stands_in(const Line& line, Ticket ticket) {
    return line.find(ticket) != line.end();
}

}  // namespace router
