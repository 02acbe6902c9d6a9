// Where a request stands and how its service is doing: what whoever waits may know. Numbers only, nothing of
// any request's content and no address.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "pods/pod.hpp"

namespace proxy {

struct Overview {
    std::size_t waiting = 0, running = 0;
    int ready_pods = 0, starting_pods = 0;
    std::optional<pods::Duration> cold_start_usual;    // from the decision to start until ready
    std::optional<pods::Duration> cold_start_elapsed;  // of the pod that will be ready first
    std::optional<pods::Phase> phase;                  // of that pod
    bool failing = false;                              // pods cannot be had for now: they crash, or no room
};

struct Place {
    enum class State : unsigned char { waiting, running, finished };
    State state = State::waiting;
    std::size_t ahead = 0;                        // in the queue
    std::optional<pods::Duration> expected_wait;  // until a pod has it
    Overview service;
};

}  // namespace proxy
