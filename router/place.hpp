// What somebody who waits can be told: where he stands, and how long it usually takes. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "router/pool.hpp"

namespace router {

// What control knows of the pods that are not ready yet, and the pool does not.
struct Outlook {
    struct Starting {
        std::string pod, phase;          // as kubectl says it: ContainerCreating, Running ...
        std::optional<TimePoint> since;  // when its start began; empty: it waits for that
    };
    std::vector<Starting> starting;  // in the order in which they are likely to be ready
    std::optional<Duration> usual_cold_start;
};

// A whole service.
struct Overview {
    std::size_t waiting = 0, running = 0;
    int ready_pods = 0, starting_pods = 0;
    std::optional<Duration> expected_wait;  // of whoever would come now; empty: nothing to go by yet
    std::optional<Duration> usual_service;  // how long a slot is held
    std::optional<Duration> usual_cold_start;
    std::optional<Duration> cold_elapsed;  // of the pod that has been starting for longest; empty: none is
    std::string starting_pod, phase;       // that pod; if none has begun, the first that waits to
};

// One request.
struct Place {
    enum class State : unsigned char { waiting, running, finished };
    State state = State::waiting;
    std::size_t ahead = 0;                  // see Pool::standing
    std::optional<Duration> expected_wait;  // from now until it has a slot
    Waited waited;
    std::string pod;  // where it runs or ran; empty: nowhere yet, or it never did
    Overview service;
};

// When a slot is granted to whoever stands so, if all goes as usual: as many rounds as must pass before his,
// and the rest of the one under way, or of the cold start that all wait for.
std::optional<Duration> expected_wait(const Standing&, const Outlook&, std::optional<Duration> usual_service,
                                      TimePoint now);

}  // namespace router
