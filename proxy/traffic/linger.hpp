// How much, and how long, a connection that we have closed is still read: a reset would take our last words
// from whoever has not read them yet.
#pragma once

#include <chrono>
#include <cstddef>

namespace proxy {

inline constexpr std::size_t linger_limit = 1 << 20;
inline constexpr std::chrono::seconds linger_time{2};

}  // namespace proxy
