#include "autoscaler/decide.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "autoscaler/words.hpp"

namespace autoscaler {
namespace {

// Far beyond any fleet, and far from overflow in the sums that follow.
int whole(double pods) {
    return static_cast<int>(std::clamp(pods, 0.0, 1e9));
}

struct Wanted {
    int pods;
    int before_limit;
    Limit limit;
    bool raised;  // by the activation scale
};

// What one average wants, within the rates. The upper rate wins when both bind.
Wanted wanted(const Settings& s, double average, int ready, bool reachable) {
    const int most = whole(std::ceil(s.max_scale_up_rate * ready));
    const int fewest = reachable ? whole(std::floor(ready / s.max_scale_down_rate)) : 0;
    const int asked = whole(std::ceil(average / s.target));
    Wanted w{std::min(std::max(asked, fewest), most), asked, Limit::none, false};
    if (w.pods < asked) w.limit = Limit::max_scale_up_rate;
    if (w.pods > asked) w.limit = Limit::max_scale_down_rate;
    if (s.activation_scale > 1 && asked > 0 && w.pods < s.activation_scale) {
        w.pods = s.activation_scale;
        w.raised = true;
    }
    return w;
}

// Enters or extends panic, or ends it when a whole stable window has passed since the last burst. Pods in the
// making do not count for Knative, which compares with those that are ready: a start longer than the window
// is one long panic, and the peak is held for a window more.
void feel(const Settings& s, Memory& memory, int burst, const Observed& seen, TimePoint now) {
    const int ready = std::max(1, seen.ready_pods + (s.panic_counts_starting ? seen.starting_pods : 0));
    if (static_cast<double>(burst) / ready >= s.panic_threshold) {
        memory.panic_since = now;
    } else if (memory.panic_since && *memory.panic_since + s.stable_window < now) {
        memory.panic_since.reset();
        memory.panic_pods = 0;
    }
}

double burst_capacity(const Settings& s, const Observed& seen) {
    const double reserve = s.target_burst_capacity;
    if (reserve == 0 || reserve == -1) return reserve;
    return std::floor(seen.ready_pods * s.total - reserve - seen.average.panic);
}

void explain(Decision& d, const Wanted& w, Rule rule, seconds window) {
    d.desired = w.pods;
    d.before_limit = w.before_limit;
    d.limit = w.raised ? Limit::none : w.limit;
    d.rule = w.raised ? Rule::activation_scale : rule;
    d.window = window;
}

}  // namespace

int DelayWindow::record(TimePoint now, int pods, seconds delay) {
    const Second current = second_of(now) >> 1;
    if (!slots_.empty() && slots_.back().number >= current)
        slots_.back().pods = std::max(slots_.back().pods, pods);
    else
        slots_.push_back({current, pods});
    const Second length = (delay.count() + 1) / 2;
    while (slots_.front().number <= current - length) slots_.pop_front();
    return std::max_element(slots_.begin(), slots_.end(),
                            [](const Slot& a, const Slot& b) { return a.pods < b.pods; })
        ->pods;
}

Decision decide(const Settings& s, const Observed& seen, Memory& memory, TimePoint now) {
    const int ready = std::max(1, seen.ready_pods);
    const Wanted calm = wanted(s, seen.average.stable, ready, seen.reachable);
    const Wanted burst = wanted(s, seen.average.panic, ready, seen.reachable);
    feel(s, memory, burst.before_limit, seen, now);

    Decision d;
    d.average = seen.average;
    d.ready_pods = seen.ready_pods;
    d.target = s.target;
    d.metric = s.metric;
    d.panic = memory.panic_since.has_value();
    d.excess_burst_capacity = burst_capacity(s, seen);
    const bool burst_leads = d.panic && burst.pods >= calm.pods;
    explain(d, burst_leads ? burst : calm, burst_leads ? Rule::panic : Rule::stable,
            burst_leads ? s.panic_window : s.stable_window);

    if (d.panic) {
        if (memory.panic_pods > d.desired) d.rule = Rule::panic_hold;
        d.desired = memory.panic_pods = std::max(memory.panic_pods, d.desired);
        if (d.rule == Rule::panic_hold) d.window = s.stable_window;
    }
    if (seen.reachable && s.scale_down_delay > seconds{0}) {
        const int most = memory.delayed.record(now, d.desired, s.scale_down_delay);
        if (most > d.desired) {
            d.rule = Rule::scale_down_delay;
            d.window = s.scale_down_delay;
        }
        d.desired = most;
    }
    return d;
}

double initial_burst_capacity(const Settings& s) {
    const double reserve = s.target_burst_capacity;
    if (reserve == 0 || reserve == -1) return reserve;
    return std::trunc(s.initial_scale * s.total - reserve);
}

std::string sentence(const Decision& d) {
    const bool burst = d.rule == Rule::panic;
    const double average = burst ? d.average.panic : d.average.stable;
    const std::string load =
        number(average) + (d.metric == Metric::rps ? " requests a second" : " in flight");
    const std::string wants = " want " + pods(d.before_limit) + " at target " + number(d.target);
    const auto over = [&] { return " over " + duration(d.window); };
    switch (d.rule) {
        case Rule::undecided:
            return "undecided: nothing was measured yet";
        case Rule::given:
            return pods(d.desired) + " from the start, nothing was measured yet";
        case Rule::stable:
        case Rule::panic: {
            const std::string said = (burst ? "panic: " : "stable: ") + load + over() + wants;
            const std::string ready = "the " + number(std::max(1, d.ready_pods)) + " ready";
            if (d.limit == Limit::max_scale_up_rate)
                return said + ", max-scale-up-rate allows " + number(d.desired) + " from " + ready;
            if (d.limit == Limit::max_scale_down_rate)
                return said + ", max-scale-down-rate keeps " + number(d.desired) + " of " + ready;
            return said;
        }
        case Rule::panic_hold:
            return "panic: holds " + pods(d.desired) + " until " + duration(d.window) +
                   " after the last burst";
        case Rule::activation_scale:
            return load + over() + wants + ", activation-scale makes it " + number(d.desired);
        case Rule::scale_down_delay:
            return "scale-down-delay: keeps " + pods(d.desired) + ", wanted within the last " +
                   duration(d.window);
    }
    return {};
}

}  // namespace autoscaler
