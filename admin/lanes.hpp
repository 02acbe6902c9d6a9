// The timeline of pods: when each was starting, idle, busy and draining, over the last hour. Bounded: so many
// pods, so many changes of each, the oldest go. Pure.
#pragma once

#include <deque>
#include <string>
#include <string_view>

#include "proxy/control/snapshot.hpp"

namespace admin {

enum class LaneState : unsigned char { waiting, starting, idle, busy, draining, failed, gone };
std::string_view to_string(LaneState);
LaneState state_of(const proxy::PodView&);

struct Lane {
    struct Change {
        proxy::WallTime at;
        LaneState state;
    };
    std::string service, pod;  // "namespace/name", the pod's name
    std::deque<Change> changes;
};

class Lanes {
public:
    static constexpr std::size_t most = 200, most_changes = 400;
    static constexpr std::chrono::minutes kept{61};

    void take(const proxy::Snapshot&, proxy::WallTime now);
    const std::deque<Lane>& all() const { return lanes_; }  // in the order in which they came

private:
    std::deque<Lane> lanes_;
};

}  // namespace admin
