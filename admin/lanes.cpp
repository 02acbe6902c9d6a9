#include "admin/lanes.hpp"

#include <algorithm>
#include <set>

namespace admin {

using proxy::PodView;

std::string_view to_string(LaneState state) {
    switch (state) {
        case LaneState::waiting:
            return "waiting";
        case LaneState::starting:
            return "starting";
        case LaneState::idle:
            return "idle";
        case LaneState::busy:
            return "busy";
        case LaneState::draining:
            return "draining";
        case LaneState::failed:
            return "failed";
        case LaneState::gone:
            return "gone";
    }
    return "gone";
}

LaneState state_of(const PodView& pod) {
    using pods::Phase;
    switch (pod.phase) {
        case Phase::pending:
            return LaneState::waiting;
        case Phase::error:
        case Phase::crash_loop_back_off:
            return LaneState::failed;
        case Phase::terminating:
            return LaneState::draining;
        case Phase::container_creating:
            return LaneState::starting;
        case Phase::running:
            break;
    }
    if (pod.draining) return LaneState::draining;
    if (!pod.ready) return LaneState::starting;
    return pod.leases > 0 ? LaneState::busy : LaneState::idle;
}

// A name that comes again is another pod in the same lane, after a rest.
void Lanes::take(const proxy::Snapshot& snapshot, proxy::WallTime now) {
    const auto note = [&](Lane& lane, LaneState state) {
        if (!lane.changes.empty() && lane.changes.back().state == state) return;
        lane.changes.push_back({now, state});
        if (lane.changes.size() > most_changes) lane.changes.pop_front();
    };
    std::set<std::pair<std::string, std::string>> there;
    for (const auto& pod : snapshot.pods) {
        const auto service = pod.name_space + "/" + pod.service;
        there.emplace(service, pod.name);
        auto found = std::ranges::find_if(
            lanes_, [&](const Lane& lane) { return lane.pod == pod.name && lane.service == service; });
        if (found == lanes_.end()) {
            lanes_.push_back({service, pod.name, {}});
            found = lanes_.end() - 1;
        }
        note(*found, state_of(pod));
    }
    for (auto& lane : lanes_) {
        if (!there.contains({lane.service, lane.pod})) note(lane, LaneState::gone);
        while (lane.changes.size() > 1 && lane.changes[1].at < now - kept) lane.changes.pop_front();
    }
    const auto over = [&](const Lane& lane) {
        return lane.changes.back().state == LaneState::gone && lane.changes.back().at < now - kept;
    };
    std::erase_if(lanes_, over);
    while (lanes_.size() > most) {
        const auto gone = std::ranges::find_if(
            lanes_, [](const Lane& lane) { return lane.changes.back().state == LaneState::gone; });
        lanes_.erase(gone == lanes_.end() ? lanes_.begin() : gone);
    }
}

}  // namespace admin
