// The dialects that a pod may speak: which routes it has, and what is common to all of them.
#pragma once

#include <optional>
#include <string_view>

#include "simulator/call.hpp"

namespace simulator {

Dialect forge();
Dialect sdnext();
Dialect gradio5();
Dialect sdcpp();
Dialect comfy();

// By the name that --dialect takes; empty: there is none of that name.
std::optional<Dialect> find_dialect(std::string_view name);

// All names as a sentence lists them, "a1111, forge, ... or comfy".
std::string_view dialect_names();

}  // namespace simulator
