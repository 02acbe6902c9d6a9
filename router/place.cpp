#include "router/place.hpp"

#include <algorithm>

namespace router {
namespace {

Duration rest(Duration usual, Duration passed) {
    return std::max(usual - passed, Duration::zero());
}

std::optional<Duration> wait_for_pods(const Standing& standing, const Outlook& outlook,
                                      std::optional<Duration> usual_service, TimePoint now) {
    std::vector<TimePoint> begun;
    for (const auto& pod : outlook.starting)
        if (pod.since) begun.push_back(*pod.since);
    if (begun.empty() || !outlook.usual_cold_start) return std::nullopt;
    const auto slots = begun.size() * standing.slots_per_pod;
    const auto rounds = standing.ahead / slots;
    if (rounds > 0 && !usual_service) return std::nullopt;
    const auto pod = standing.ahead % slots / standing.slots_per_pod;
    const auto service = rounds > 0 ? *usual_service * static_cast<Duration::rep>(rounds) : Duration::zero();
    return rest(*outlook.usual_cold_start, now - begun[pod]) + service;
}

}  // namespace

std::optional<Duration> expected_wait(const Standing& standing, const Outlook& outlook,
                                      std::optional<Duration> usual_service, TimePoint now) {
    if (standing.slot_is_free) return Duration::zero();
    if (standing.slots == 0) return wait_for_pods(standing, outlook, usual_service, now);
    if (!usual_service) return std::nullopt;
    const auto rounds = static_cast<Duration::rep>(standing.ahead / standing.slots);
    const auto before = standing.follows ? rest(*usual_service, now - *standing.follows) : Duration::zero();
    return *usual_service * rounds + before;
}

}  // namespace router
