// Plain words that both cores, router and autoscaler, share about pods.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace pods {

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;
using Duration = Clock::duration;

// One *instance* of a pod: a process that was restarted is another instance, even on the same port.
// Numbers are never reused within one run of the gateway.
enum class PodId : std::uint64_t {};

struct Address {
    std::string host;  // an IP address, never a name: nothing is resolved on the request path
    std::uint16_t port = 0;

    friend bool operator==(const Address&, const Address&) = default;
};

// As kubectl shows them in STATUS. A pod that passes its readiness probe is `running` and ready.
enum class Phase { pending, container_creating, running, terminating, error, crash_loop_back_off };

constexpr std::string_view to_string(Phase phase) {
    switch (phase) {
        case Phase::pending:
            return "Pending";
        case Phase::container_creating:
            return "ContainerCreating";
        case Phase::running:
            return "Running";
        case Phase::terminating:
            return "Terminating";
        case Phase::error:
            return "Error";
        case Phase::crash_loop_back_off:
            return "CrashLoopBackOff";
    }
    return "Unknown";
}

}  // namespace pods
