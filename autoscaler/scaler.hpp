// From what is wanted to the replicas that shall exist: bounds, initial scale, scale to zero, and whether the
// activator stands in the path (Knative v1.23, pkg/reconciler/autoscaling/kpa/scaler.go and kpa.go). Pure.
#pragma once

#include <optional>
#include <string>

#include "autoscaler/cause.hpp"
#include "autoscaler/settings.hpp"

namespace autoscaler {

// Of a revision, as Knative's Active condition: no traffic, buffering while pods start, serving.
enum class Activity { inactive, activating, active };
// Whether the activator is asked to stand in the request path (proxy) or not (serve).
enum class Mode { proxy, serve };

const char* to_string(Activity);
const char* to_string(Mode);

// Whether the activator ever leaves the path. In the gateway it never does, so the grace period, which waits
// until it is certainly there again, has always passed already. Knative's own switching is kept for its
// traces.
enum class Path { always_proxy, switching };

// All that one reconcile leaves to the next.
struct Standing {
    Path path = Path::always_proxy;
    int replicas = 0;
    Activity activity = Activity::inactive;
    TimePoint activity_since{};
    Mode mode = Mode::proxy;
    TimePoint mode_since{};
    bool initial_scale_reached = false;

    void become(Activity, TimePoint now);
    void become(Mode, TimePoint now);
};

struct Asked {
    int desired = -1;  // the decision in force; -1: none yet
    double excess_burst_capacity = 0;
    bool reachable = true;
};

struct Wish {
    int want = -1;     // after bounds, as Knative reports it; -1: not known, replicas are left as they are
    int replicas = 0;  // the pods that shall exist now
    Activity activity = Activity::inactive;
    Mode mode = Mode::proxy;
    std::string reason;            // what bounds and scale to zero made of the decision; empty: nothing
    std::optional<Cause> cause{};  // likewise; with the decision's own once reconcile() has it

    friend bool operator==(const Wish&, const Wish&) = default;
};

// First half of a reconcile: sets the replicas. Activity and mode in the wish are those from before.
Wish scale(const Settings&, Standing&, const Asked&, TimePoint now);

// Second half: activity, by the ready pods there are after the first, and mode.
void settle(const Settings&, Standing&, const Asked&, Wish&, int ready_pods, TimePoint now);

}  // namespace autoscaler
