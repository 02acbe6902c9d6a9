#include "autoscaler/controller.hpp"

#include <algorithm>
#include <utility>

#include "autoscaler/words.hpp"

namespace autoscaler {
namespace {

TimePoint at_second(Second second) {
    return TimePoint(seconds(second));
}

std::string set_by_hand(int pods) {
    return "the annotation pilotlight.dev/replicas wants " + autoscaler::pods(pods) +
           ", whatever the autoscaler would";
}

}  // namespace

Controller::Controller(const Settings& settings, int slots, std::string prefix,
                       std::function<PodId()> next_id, TimePoint now, Start start)
    : settings_(settings),
      in_force_(settings),
      slots_(slots),
      scaler_(settings, now, start),
      ours_(start.how == Start::How::fresh),
      fleet_(std::move(prefix), std::move(next_id)),
      second_(second_of(now)),
      counted_from_(now) {
    if (settings_.policy == Policy::kpa) reconcile(now);
    if (settings_.by_hand) want(*settings_.by_hand, set_by_hand(*settings_.by_hand), Cause::by_hand, now);
    change_.reset();
}

void Controller::configure(const Settings& settings, int slots, TimePoint now) {
    const bool back_to_knative = settings_.policy != settings.policy && settings.policy == Policy::kpa;
    settings_ = settings;
    in_force_ = local_ ? with_warm_hours(settings, *local_) : settings;
    slots_ = slots;
    scaler_.configure(in_force_, now);
    if (settings_.by_hand) want(*settings_.by_hand, set_by_hand(*settings_.by_hand), Cause::by_hand, now);
    if (!back_to_knative) return;
    if (desired_ > 0) scaler_.take_over(desired_, now);
    scaler_.evaluate(fleet_.ready(), now, fleet_.starting());
    reconcile(now);
}

void Controller::retire() {
    retired_ = true;
    scaler_.set_reachable(false);
}

std::vector<Command> Controller::step(const Seen& seen, const Loads& load, const Room& room, TimePoint now) {
    account(seen, now);
    look_at_clock(room.local, now);
    measure(seen);
    Plan plan;
    due_.reset();
    if (settings_.policy == Policy::kpa) {
        poke_while_cold(seen, now);
    } else {
        auto choice = ours_.decide(in_force_, sight(seen, load), now);
        want(choice.pods, choice.reason, choice.cause, now);
        if (!settings_.by_hand) plan.leaving = std::move(choice.leaving);
        due_ = choice.due;
        arrivals_ = seen.arrivals;
    }
    const int demand = seen.waiting + seen.running;
    plan.wanted = wanted_ = retired_ ? std::min(desired_, demand) : desired_;
    plan.limit = room.limit;
    plan.may_start = room.may_start;
    if (settings_.max_starting > 0) plan.max_starting = settings_.max_starting;
    return fleet_.step(plan, load, now);
}

std::optional<TimePoint> Controller::next_due() const {
    auto first = due_;
    for (const auto& due : {fleet_.next_due(), next_minute_})
        if (due && (!first || *due < *first)) first = due;
    return first;
}

bool Controller::counts_seconds() const {
    return settings_.policy == Policy::kpa && (desired_ > 0 || !fleet_.pods().empty());
}

// Windows open and close on whole minutes of the wall clock, so that one look a minute is enough.
void Controller::look_at_clock(const std::optional<LocalTime>& local, TimePoint now) {
    next_minute_.reset();
    if (!local || settings_.warm_hours.empty()) return;
    constexpr std::int64_t minute = 60;
    next_minute_ = now + seconds(minute - local->utc % minute);
    if (local_ && local_->utc / minute == local->utc / minute && local_->utc_offset == local->utc_offset)
        return;
    local_ = local;
    auto in_force = with_warm_hours(settings_, *local);
    if (in_force == in_force_) return;
    in_force_ = std::move(in_force);
    scaler_.configure(in_force_, now);
    if (settings_.policy == Policy::kpa) reconcile(now);
}

// --- Knative's seconds

// Closes each second that has passed: its average is recorded under it, and on even seconds Knative's tick
// follows, as of that second. A request that was reported early is not counted twice (activator,
// concurrency_reporter.go). Our own class records, too, so that a change of class finds full windows.
void Controller::account(const Seen& seen, TimePoint now) {
    const auto second = second_of(now);
    if (second == second_) return;
    const auto elapsed = std::chrono::duration<double>(now - counted_from_).count();
    const double concurrency = elapsed > 0 ? (seen.demand_seconds - counted_.demand_seconds) / elapsed : 0;
    const double rps = elapsed > 0 ? static_cast<double>(seen.arrivals - counted_.arrivals) / elapsed : 0;
    const bool idle = concurrency == 0 && fleet_.alive() == 0;
    const auto first = std::max(second_, second - settings_.stable_window.count() - 2);
    for (auto closed = first; closed < second; ++closed) {
        if (!idle) scaler_.record(closed, std::max(0.0, concurrency - pushed_), rps);
        pushed_ = 0;
        if (settings_.policy != Policy::kpa) continue;
        if (closed % 2 == 0) scaler_.evaluate(fleet_.ready(), at_second(closed), fleet_.starting());
        reconcile(at_second(closed));
    }
    second_ = second;
    counted_from_ = now;
    counted_ = seen;
}

// Knative's poke, for every request and not just the first: while no pod is ready whoever comes must wait, so
// each is reported as it comes. Five at once start five pods at once.
void Controller::poke_while_cold(const Seen& seen, TimePoint now) {
    const auto demand = static_cast<double>(seen.waiting + seen.running);
    if (fleet_.ready() > 0 || seen.waiting == 0 || demand <= pushed_) return;
    scaler_.record(second_of(now), demand - pushed_, 0);
    pushed_ = demand;
    scaler_.evaluate(fleet_.ready(), now, fleet_.starting());
    reconcile(now);
}

void Controller::reconcile(TimePoint planned) {
    wish_ = scaler_.reconcile(fleet_.ready(), planned);
    want(wish_.replicas, wish_.reason, wish_.cause.value_or(Cause::start), planned);
}

// --- ours

void Controller::measure(const Seen& seen) {
    if (seen.served <= served_) return;
    const auto count = seen.served - served_;
    const auto held =
        std::chrono::duration<double>((seen.held_seconds - held_seconds_) / static_cast<double>(count));
    constexpr std::uint64_t enough = 64;  // more of the same change the mean no further
    for (std::uint64_t i = 0; i < std::min(count, enough); ++i)
        ours_.slot_held(std::chrono::duration_cast<Duration>(held));
    held_seconds_ = seen.held_seconds;
    served_ = seen.served;
}

Sight Controller::sight(const Seen& seen, const Loads& load) const {
    Sight sight;
    sight.waiting = seen.waiting;
    sight.running = seen.running;
    sight.slots = slots_;
    sight.came = seen.arrivals != arrivals_;
    sight.reachable = !retired_;
    sight.pods.reserve(fleet_.pods().size());
    for (const FleetPod& pod : fleet_.pods()) {
        if (pod.draining) continue;
        // One that has just become ready and was not admitted yet is still on its way: whoever waits for it
        // waits for nothing more.
        const bool ready = pod.ready && pod.admitted;
        const auto on_it = ready ? load(pod.id) : Load{};
        // A promised one is at work for another gateway, and comes when that is done.
        const int leases = pod.promised ? std::max(1, slots_) : on_it.leases;
        sight.pods.push_back({pod.id, ready || pod.promised, leases, pod.created, on_it.uses});
    }
    return sight;
}

// What a hand has set holds, whatever is decided beside it.
void Controller::want(int pods, const std::string& reason, Cause cause, TimePoint now) {
    if (settings_.by_hand && cause != Cause::by_hand)
        return want(*settings_.by_hand, set_by_hand(*settings_.by_hand), Cause::by_hand, now);
    if (pods == desired_) return;
    ++steps_[static_cast<std::size_t>(cause)][pods > desired_ ? 1 : 0];
    last_step_ = Step{desired_, pods, cause, reason, now};
    if (!reason.empty())
        change_ = autoscaler::pods(pods) + " wanted, " +
                  (desired_ == 1 ? "was 1: " : "were " + number(desired_) + ": ") + reason;
    desired_ = pods;
}

std::string Controller::reason(TimePoint now) const {
    if (settings_.by_hand) return set_by_hand(*settings_.by_hand);
    return settings_.policy == Policy::kpa ? wish_.reason : ours_.standing(in_force_, now);
}

}  // namespace autoscaler
