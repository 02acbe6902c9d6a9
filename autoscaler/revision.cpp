#include "autoscaler/revision.hpp"

namespace autoscaler {
namespace {

Standing first_standing(const Settings& s, const Start& start, Path path, TimePoint now) {
    Standing standing;
    standing.path = path;
    standing.activity_since = standing.mode_since = now;
    standing.initial_scale_reached = start.how != Start::How::fresh;
    switch (start.how) {
        case Start::How::zero:
            break;
        case Start::How::fresh:
            standing.replicas = s.initial_scale;
            standing.activity = Activity::activating;
            break;
        case Start::How::steady:
        case Start::How::restart:
            standing.replicas = start.pods;
            standing.activity = Activity::active;
            break;
    }
    return standing;
}

// An autoscaler that finds more than one ready pod knows nothing of their load, so it starts in panic, which
// never shrinks (pkg/autoscaler/scaling/autoscaler.go, newAutoscaler).
Memory first_memory(const Start& start, TimePoint now) {
    Memory memory;
    if (start.how != Start::How::fresh && start.how != Start::How::restart) return memory;
    memory.panic_pods = start.ready;
    if (start.ready > 1) memory.panic_since = now;
    return memory;
}

Decision first_decision(const Settings& s, const Start& start) {
    Decision d;
    d.excess_burst_capacity = initial_burst_capacity(s);
    d.target = s.target;
    d.metric = s.metric;
    if (start.how == Start::How::zero) d.desired = 0;
    if (start.how == Start::How::steady) d.desired = start.pods;
    if (d.desired >= 0) d.rule = Rule::given;
    return d;
}

Cause cause_of(Rule rule) {
    switch (rule) {
        case Rule::undecided:
        case Rule::given:
            return Cause::start;
        case Rule::stable:
            return Cause::stable;
        case Rule::panic:
            return Cause::panic;
        case Rule::panic_hold:
            return Cause::panic_hold;
        case Rule::activation_scale:
            return Cause::activation_scale;
        case Rule::scale_down_delay:
            return Cause::scale_down_delay;
    }
    return Cause::start;
}

}  // namespace

Revision::Revision(const Settings& s, TimePoint start, Start how, Path path)
    : settings_(s),
      windows_(s),
      memory_(first_memory(how, start)),
      decision_(first_decision(s, how)),
      standing_(first_standing(s, how, path, start)) {}

void Revision::take_over(int pods, TimePoint now) {
    const Start start{Start::How::steady, pods, 0};
    memory_ = first_memory(start, now);
    decision_ = first_decision(settings_, start);
    standing_ = first_standing(settings_, start, standing_.path, now);
}

void Revision::configure(const Settings& s, TimePoint now) {
    settings_ = s;
    windows_.resize(s, second_of(now));
}

void Revision::record(Second second, double concurrency, double rps) {
    windows_.record(second, concurrency, rps);
}

const Decision& Revision::evaluate(int ready_pods, TimePoint now, int starting_pods) {
    averages_ = windows_.averages(settings_, second_of(now));
    if (averages_)
        decision_ = decide(settings_, {*averages_, ready_pods, reachable_, starting_pods}, memory_, now);
    return decision_;
}

Wish Revision::reconcile(int ready_pods, TimePoint now) {
    scale(now);
    return settle(ready_pods, now);
}

int Revision::scale(TimePoint now) {
    wish_ = autoscaler::scale(settings_, standing_, asked(), now);
    if (!wish_.cause) wish_.cause = cause_of(decision_.rule);
    wish_.reason = sentence(decision_) + (wish_.reason.empty() ? "" : "; " + wish_.reason);
    return wish_.replicas;
}

Wish Revision::settle(int ready_pods, TimePoint now) {
    autoscaler::settle(settings_, standing_, asked(), wish_, ready_pods, now);
    return wish_;
}

}  // namespace autoscaler
