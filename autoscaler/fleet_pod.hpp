// A pod as its fleet keeps it, and what it is good for: which one goes first, and which one is called back.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "pods/pod.hpp"

namespace autoscaler {

using pods::PodId;
using pods::TimePoint;

// What a pod has on it, as its pool says.
struct Load {
    int leases = 0;
    int sessions = 0;
    std::uint64_t uses = 0;  // grows with every use
};

// One line of `kubectl get pods`.
struct FleetPod {
    int ordinal = 0;  // 0 is the pod named <prefix>-1
    std::string name;
    PodId id{};  // of its present instance; another one after each restart
    pods::Phase phase = pods::Phase::pending;
    bool ready = false;     // passes its readiness probe
    bool draining = false;  // is to go: gets no new work, and is stopped when its last lease ends
    int restarts = 0;
    TimePoint created;
    TimePoint since;               // of this phase
    std::string reason;            // CamelCase, as in Kubernetes; empty: all is well
    std::string message;           // one sentence on it
    std::optional<int> exit_code;  // of its last instance that ended by itself
    std::optional<TimePoint> due;  // when the back-off after a failure ends
    std::optional<TimePoint> ready_since;

    // What only the fleet asks for.
    bool promised = false;  // another gateway has it still, and will hand it over
    bool admitted = false;  // the pool may give it work
    bool sick = false;      // to be killed and restarted
    bool proven = false;    // this instance was once ready for Fleet::proven_after without a break
    int failures = 0;       // in a row
};

// No instance exists: nothing was started yet, or the last one ended.
bool waiting(const FleetPod&);
// Ready, and not asked to stop.
bool serves(const FleetPod&);
// Could still be called back if it drains.
bool can_serve_again(const FleetPod&);

// Of a pod that the driver has brought up; never asked of another.
using Loads = std::function<Load(PodId)>;

// Of those who stay, the one with whom the least is lost: first those that wait, that are being restarted,
// that are not ready; then idle ones, then busy ones. Fewer sessions go before more, as whoever has one has
// set up the pod for himself, and the newest before older ones. Null: nobody stays.
FleetPod* next_to_leave(std::vector<FleetPod>&, const Loads&);

// Of those who drain and were not asked to stop yet, the one to call back: ready ones first, then the oldest.
FleetPod* next_to_stay(std::vector<FleetPod>&);

}  // namespace autoscaler
