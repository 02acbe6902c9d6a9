// Why a number of pods is wanted, as a kind: few and known beforehand, so that they can be labels of a
// metric. The sentence beside it says the same with its numbers. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace autoscaler {

enum class Cause : unsigned char {
    start,             // nothing was measured yet
    stable,            // Knative: the average over the stable window
    panic,             // the average over the panic window
    panic_hold,        // a panic never shrinks
    activation_scale,  // the smallest scale that is not zero
    scale_down_delay,  // more was wanted within the delay
    floor,             // min-scale, initial-scale, warm hours
    ceiling,           // max-scale
    zero,              // no traffic: the way to zero
    never_ready,       // no pod became ready within the progress deadline
    waiting,           // break-even: requests that the busy pods won't take soon
    spare,             // an idle pod is wanted beside the busy ones
    nobody_waits,      // a start was cancelled
    idle,              // idle for as long as it was worth
    by_hand,           // somebody has said how many
};
constexpr std::size_t causes = static_cast<std::size_t>(Cause::by_hand) + 1;

constexpr std::string_view to_string(Cause cause) {
    constexpr std::array<std::string_view, causes> names{
        "start",        "stable",  "panic", "panic_hold",  "activation_scale", "scale_down_delay",
        "floor",        "ceiling", "zero",  "never_ready", "waiting",          "spare",
        "nobody_waits", "idle",    "by_hand"};
    return names[static_cast<std::size_t>(cause)];
}

}  // namespace autoscaler
