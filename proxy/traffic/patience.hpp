// How often a request is tried when no pod has had any of it, be it HTTP's or Gradio's.
#pragma once

#include <chrono>

namespace proxy {

inline constexpr int most_unsent_tries = 32;                  // connections refused: nothing reached any pod
inline constexpr std::chrono::milliseconds wait_for_us{100};  // until somebody gives a descriptor back
inline constexpr int most_waits_for_us = 50;

}  // namespace proxy
