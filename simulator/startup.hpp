// The stages of a pod's start, as times fixed at its beginning. Pure.
#pragma once

#include <algorithm>

#include "simulator/options.hpp"

namespace simulator {

enum class Stage {
    importing,  // nothing listens
    listening,  // the port is open, the page works, /sdapi is 404
    fragile,    // the same, and an HTTP request makes add_middleware raise: the process ends
    mounted,
};

struct Startup {
    TimePoint bind_at;     // the port opens
    TimePoint mounted_at;  // /sdapi answers
    TimePoint fragile_from;
    TimePoint model_at;  // the model is loaded; with a lazy model, at once

    Stage stage(TimePoint now) const {
        if (now >= mounted_at) return Stage::mounted;
        if (now < bind_at) return Stage::importing;
        return now >= fragile_from ? Stage::fragile : Stage::listening;
    }
};

// AUTOMATIC1111 and its relatives open their port before their API is mounted; stable-diffusion.cpp loads its
// model before it listens (examples/server/main.cpp); the others are complete when they listen.
inline Startup plan_startup(const Options& options, TimePoint start) {
    Startup plan;
    plan.model_at = options.lazy_model ? start : start + options.scaled(options.model_load);
    plan.bind_at = start + options.scaled(options.cold);
    if (options.dialect == "sdcpp") plan.bind_at = std::max(plan.bind_at, plan.model_at);
    plan.mounted_at = plan.bind_at;
    const bool mounts_late =
        options.dialect == "a1111" || options.dialect == "forge" || options.dialect == "sdnext";
    if (mounts_late) plan.mounted_at += options.scaled(options.mount_delay);
    if (options.nowebui) plan.bind_at = plan.mounted_at;
    plan.fragile_from = std::max(plan.bind_at, plan.mounted_at - options.scaled(options.crash_window));
    return plan;
}

}  // namespace simulator
