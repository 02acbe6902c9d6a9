#include "autoscaler/fleet_pod.hpp"

#include <tuple>

namespace autoscaler {

using pods::Phase;

bool waiting(const FleetPod& pod) {
    return pod.phase == Phase::pending || pod.phase == Phase::error ||
           pod.phase == Phase::crash_loop_back_off;
}

bool serves(const FleetPod& pod) {
    return pod.ready && pod.phase == Phase::running;
}

bool can_serve_again(const FleetPod& pod) {
    return pod.phase == Phase::container_creating || (pod.phase == Phase::running && !pod.sick);
}

namespace {

// How much is lost with a pod.
std::tuple<int, int, int> worth(const FleetPod& pod, const Load& load) {
    if (waiting(pod)) return {0, 0, 0};
    if (pod.phase == Phase::terminating) return {1, 0, 0};  // to be restarted
    if (load.leases > 0) return {4, load.leases, load.sessions};
    return {pod.ready ? 3 : 2, 0, load.sessions};
}

bool newer(const FleetPod& a, const FleetPod& b) {
    return std::tie(a.created, a.ordinal) > std::tie(b.created, b.ordinal);
}

}  // namespace

FleetPod* next_to_leave(std::vector<FleetPod>& pods, const Loads& load) {
    FleetPod* least = nullptr;
    std::tuple<int, int, int> least_worth;
    for (FleetPod& pod : pods) {
        if (pod.draining) continue;
        const auto its_worth = worth(pod, pod.phase == Phase::running ? load(pod.id) : Load{});
        if (least && (its_worth > least_worth || (its_worth == least_worth && !newer(pod, *least)))) continue;
        least = &pod;
        least_worth = its_worth;
    }
    return least;
}

FleetPod* next_to_stay(std::vector<FleetPod>& pods) {
    FleetPod* best = nullptr;
    for (FleetPod& pod : pods) {
        if (!pod.draining || !can_serve_again(pod)) continue;
        if (!best || pod.ready > best->ready || (pod.ready == best->ready && newer(*best, pod))) best = &pod;
    }
    return best;
}

}  // namespace autoscaler
