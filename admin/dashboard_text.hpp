// What the dashboard is told, as JSON. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "admin/history.hpp"
#include "admin/lanes.hpp"
#include "proxy/generations.hpp"

namespace admin {

// How far generations, events and changes of lanes have been told.
struct Told {
    std::uint64_t generation = 0, event = 0;
    WallTime lanes{};
};

struct Scene {
    const Snapshot& snapshot;
    const History& history;
    const Lanes& lanes;
};

// The state now, and what came after `before` up to `with`.
std::string frame_text(const Scene&, std::uint64_t number, WallTime at, const Told& before, const Told& with,
                       const std::vector<proxy::Generation>&);
// All lanes and generations that are kept, and the last events.
std::string timeline_text(const Scene&, const std::vector<proxy::Generation>&);
// A ring in columns, as charts take them.
std::string history_text(std::string_view service, const Series&, bool day);

}  // namespace admin
