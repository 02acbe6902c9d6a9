#include "autoscaler/replay.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace autoscaler {
namespace {

constexpr Second never = std::numeric_limits<Second>::max();

TimePoint at(Second s) {
    return TimePoint{seconds{s}};
}

// Only what the autoscaler sees of pods: how many are ready.
class Crowd {
public:
    Crowd(int pods, Second ready_at) : ready_at_(static_cast<std::size_t>(pods), ready_at) {}

    int size() const { return static_cast<int>(ready_at_.size()); }
    int ready(Second now) const {
        return static_cast<int>(
            std::count_if(ready_at_.begin(), ready_at_.end(), [&](Second r) { return r <= now; }));
    }
    void resize(int wanted, Second now, int cold_start) {
        while (size() < wanted) ready_at_.push_back(cold_start < 0 ? never : now + cold_start);
        while (size() > wanted) {  // those not ready first, the youngest of them first
            auto victim =
                std::find_if(ready_at_.rbegin(), ready_at_.rend(), [&](Second r) { return r > now; });
            ready_at_.erase(victim == ready_at_.rend() ? ready_at_.end() - 1 : victim.base() - 1);
        }
    }

private:
    std::vector<Second> ready_at_;  // oldest pod first
};

class Player {
public:
    explicit Player(const Trace& trace)
        : trace_(trace),
          cold_start_(trace.cold_start),
          crowd_(first_pods(trace), first_ready_at(trace)),
          revision_(trace.settings, at(0), {trace.start, trace.start_pods, crowd_.ready(0)}, trace.path) {
        replicas_ = trace.start == Start::How::fresh ? crowd_.size() : trace.start_pods;
    }

    Replayed play() {
        for (Second t = 0; t < static_cast<Second>(trace_.seconds.size()); ++t) second(t);
        return std::move(played_);
    }

private:
    static int first_pods(const Trace& t) {
        if (t.start == Start::How::zero) return 0;
        return t.start == Start::How::fresh ? t.settings.initial_scale : t.start_pods;
    }
    static Second first_ready_at(const Trace& t) {
        if (t.start != Start::How::fresh) return 0;
        return t.cold_start < 0 ? never : t.cold_start;
    }

    void second(Second t) {
        tell_late(static_cast<double>(t), false);
        for (; next_event_ < trace_.events.size() && trace_.events[next_event_].second <= t; ++next_event_)
            std::visit([&](const auto& what) { apply(what, t); }, trace_.events[next_event_].what);

        const bool tick = t % 2 == 0;
        const bool tick_first = tick && trace_.order == TickOrder::scale_first;
        if (tick_first) evaluate(t);
        const auto& sample = trace_.seconds[static_cast<std::size_t>(t)];
        if (sample) revision_.record(t, sample->concurrency, sample->rps);
        tell_late(static_cast<double>(t), true);
        const bool poke = !tick && sample && revision_.wants_poke(sample->concurrency);
        if ((tick && !tick_first) || poke) evaluate(t);
        reconcile(t);
    }

    void tell_late(double now, bool inclusive) {
        for (; next_late_ < trace_.late.size(); ++next_late_) {
            const LateSample& late = trace_.late[next_late_];
            if (inclusive ? late.at > now : late.at >= now) return;
            revision_.record(static_cast<Second>(std::floor(late.stamp)), late.sample.concurrency,
                             late.sample.rps);
        }
    }

    void apply(Event::Reachable what, Second) { revision_.set_reachable(what.reachable); }
    void apply(Event::ColdStart what, Second) { cold_start_ = what.seconds; }
    void apply(const Settings& settings, Second t) { revision_.configure(settings, at(t)); }

    void evaluate(Second t) {
        Tick tick;
        tick.second = t;
        tick.ready = crowd_.ready(t);
        tick.decision = revision_.evaluate(tick.ready, at(t));
        tick.averages = revision_.averages();
        tick.panic_pods = revision_.panic_pods();
        tick.decision.panic = revision_.panicking();
        played_.ticks.push_back(tick);
    }

    void reconcile(Second t) {
        const int replicas = revision_.scale(at(t));
        crowd_.resize(replicas, t, cold_start_);
        const Wish wish = revision_.settle(crowd_.ready(t), at(t));

        if (replicas != replicas_) played_.replicas.push_back({t, replicas});
        replicas_ = replicas;
        note(played_.activity, t, wish.activity);
        note(played_.mode, t, wish.mode);
        if (!played_.ticks.empty() && played_.ticks.back().second == t) {
            played_.ticks.back().want = wish.want;
            played_.ticks.back().replicas = replicas;
        }
    }

    template <class Value>
    static void note(std::vector<Change<Value>>& changes, Second t, Value value) {
        if (changes.empty() || changes.back().value != value) changes.push_back({t, value});
    }

    const Trace& trace_;
    int cold_start_;
    Crowd crowd_;
    Revision revision_;
    int replicas_ = 0;
    std::size_t next_event_ = 0;
    std::size_t next_late_ = 0;
    Replayed played_;
};

}  // namespace

Replayed replay(const Trace& trace) {
    return Player(trace).play();
}

}  // namespace autoscaler
