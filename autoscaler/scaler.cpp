#include "autoscaler/scaler.hpp"

#include <algorithm>

#include "autoscaler/words.hpp"

namespace autoscaler {
namespace {

// Beyond the progress deadline (pkg/reconciler/autoscaling/kpa/scaler.go, activationTimeoutBuffer).
constexpr seconds activation_buffer{30};

int lower_bound(const Settings& s, const Standing& standing, bool reachable) {
    if (!reachable) return 0;
    const bool initial = !standing.initial_scale_reached && s.initial_scale > 1;
    return initial ? std::max(s.min_scale, s.initial_scale) : s.min_scale;
}

std::string left(Duration until) {
    return duration(std::chrono::ceil<seconds>(std::max(until, Duration::zero())));
}

// The pods of a revision without traffic may go once the activator is certainly in the path.
void leave(const Settings& s, Standing& standing, const Asked& asked, Wish& wish, TimePoint now) {
    const Duration idle = now - standing.activity_since;
    const Duration retention = asked.reachable ? s.scale_to_zero_pod_retention_period : Duration::zero();
    const Duration grace = s.scale_to_zero_grace_period;
    const bool always = standing.path == Path::always_proxy;
    const bool in_path = always || standing.mode == Mode::proxy || s.target_burst_capacity == -1;
    const bool long_in_path = always || (standing.mode == Mode::proxy && now - standing.mode_since >= grace);
    wish.want = 0;
    wish.cause = Cause::zero;
    if (in_path && (idle >= std::max(grace, retention) || (idle >= retention && long_in_path))) {
        standing.replicas = 0;
    } else if (standing.replicas > 0) {
        const bool retained = idle < retention;
        wish.reason =
            retained ? "scale-to-zero-pod-retention-period keeps " : "scale-to-zero-grace-period keeps ";
        wish.reason += pods(standing.replicas) + " for " + left((retained ? retention : grace) - idle);
    }
}

void toward_zero(const Settings& s, Standing& standing, const Asked& asked, Wish& wish, TimePoint now) {
    const Duration since = now - standing.activity_since;
    if (!s.enable_scale_to_zero) {
        wish.want = standing.replicas = 1;
        wish.reason = "enable-scale-to-zero is false";
        wish.cause = Cause::floor;
        return;
    }
    wish.cause = Cause::zero;
    switch (standing.activity) {
        case Activity::activating:
            if (since > s.progress_deadline + activation_buffer) {
                wish.want = standing.replicas = 0;
                wish.cause = Cause::never_ready;
                wish.reason = "no pod was ready within " + duration(s.progress_deadline + activation_buffer);
            } else {
                wish.reason = "waits until " + pods(standing.replicas) + " that started is ready";
            }
            return;
        case Activity::active:
            if (since >= s.stable_window) {
                wish.want = 0;
                wish.reason = "no traffic for " + duration(s.stable_window) + ": goes to zero";
            } else {
                wish.want = standing.replicas = 1;
                wish.reason = "active for less than " + duration(s.stable_window) + ": keeps 1 pod for " +
                              left(s.stable_window - since);
            }
            return;
        case Activity::inactive:
            leave(s, standing, asked, wish, now);
            return;
    }
}

int fewest_ready(const Settings& s, const Standing& standing, bool reachable) {
    const int min = reachable ? s.min_scale : 0;
    return standing.initial_scale_reached ? std::max(min, 1) : std::max(min, s.initial_scale);
}

}  // namespace

const char* to_string(Activity a) {
    switch (a) {
        case Activity::inactive:
            return "inactive";
        case Activity::activating:
            return "activating";
        case Activity::active:
            return "active";
    }
    return "";
}

const char* to_string(Mode m) {
    return m == Mode::proxy ? "proxy" : "serve";
}

void Standing::become(Activity a, TimePoint now) {
    if (activity == a) return;
    activity = a;
    activity_since = now;
}

void Standing::become(Mode m, TimePoint now) {
    if (mode == m) return;
    mode = m;
    mode_since = now;
}

Wish scale(const Settings& s, Standing& standing, const Asked& asked, TimePoint now) {
    Wish wish;
    if (asked.desired >= 0 || standing.activity == Activity::activating) {
        const int min = lower_bound(s, standing, asked.reachable);
        // The minimum lifts what is below it; else the maximum cuts, even below the minimum (applyBounds).
        int replicas = std::max(asked.desired, min);
        if (asked.desired < min && min > 0) {
            wish.cause = Cause::floor;
            wish.reason = min > s.min_scale          ? "initial-scale is " + number(min)
                          : s.fewest_because.empty() ? "min-scale is " + number(min)
                                                     : s.fewest_because;
        } else if (s.max_scale > 0 && asked.desired > s.max_scale) {
            replicas = s.max_scale;
            wish.cause = Cause::ceiling;
            wish.reason = "max-scale is " + number(s.max_scale);
        }
        if (replicas == 0)
            toward_zero(s, standing, asked, wish, now);
        else
            wish.want = standing.replicas = replicas;
    }
    wish.replicas = standing.replicas;
    wish.activity = standing.activity;
    wish.mode = standing.mode;
    return wish;
}

void settle(const Settings& s, Standing& standing, const Asked& asked, Wish& wish, int ready_pods,
            TimePoint now) {
    const bool serve = standing.path == Path::switching && wish.want > 0 && asked.excess_burst_capacity >= 0;
    standing.become(serve ? Mode::serve : Mode::proxy, now);

    const int fewest = fewest_ready(s, standing, asked.reachable);
    const bool enough = ready_pods >= fewest;
    if (enough) standing.initial_scale_reached = true;
    const bool awake = wish.want > 0 || (wish.want != 0 && standing.activity != Activity::inactive);
    if (!awake)
        standing.become(Activity::inactive, now);
    else
        standing.become(enough ? Activity::active : Activity::activating, now);

    wish.replicas = standing.replicas;
    wish.activity = standing.activity;
    wish.mode = standing.mode;
}

}  // namespace autoscaler
