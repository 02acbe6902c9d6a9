#include "autoscaler/break_even.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <sstream>

#include "autoscaler/seconds.hpp"
#include "autoscaler/words.hpp"

namespace autoscaler {
namespace {

constexpr double weight_of_cold_start = 0.3, weight_of_service = 0.1;
constexpr int most_rungs_ever = 1000;
constexpr double shortest_service = 0.001;  // seconds; a mean of nothing would let busy pods take everything

int pods_for(int requests, int slots) {
    if (slots == 0) return requests > 0 ? 1 : 0;
    return (requests + slots - 1) / slots;
}

std::string seconds_text(double s) {
    return number(s < 10 ? std::round(s * 10) / 10 : std::round(s)) + " s";
}

// "pod 2", "pods 2 to 4"
std::string pods_from(int first, int count) {
    if (count == 1) return "pod " + number(first);
    return "pods " + number(first) + " to " + number(first + count - 1);
}

std::string plural(int count, const std::string& one, const std::string& many) {
    return number(count) + " " + (count == 1 ? one : many);
}

// "2 pods are the fewest", or what raises the minimum just now
std::string why_fewest(const Settings& s, int fewest, const std::string& they_are) {
    const bool raised = fewest == s.min_scale && !s.fewest_because.empty();
    return raised ? s.fewest_because : they_are + " the fewest";
}

}  // namespace

void BreakEven::cold_start_took(Duration took) {
    const double measured = std::max(0.0, in_seconds(took));
    cold_ = cold_ ? *cold_ + weight_of_cold_start * (measured - *cold_) : measured;
}

void BreakEven::slot_held(Duration held) {
    held_ = std::max(shortest_service, held_ + weight_of_service * (in_seconds(held) - held_));
}

double BreakEven::cold_start(const Settings& s) const {
    return cold_.value_or(in_seconds(s.break_even.cold_start_guess));
}

Keep BreakEven::keep(const Settings& s, int rung) const {
    static const Rung unknown;
    const double restart = cold_start(s) + in_seconds(s.break_even.worth);
    if (s.break_even.fixed_keep)
        return {in_seconds(*s.break_even.fixed_keep), in_seconds(*s.break_even.fixed_keep), 0, false};
    const auto index = static_cast<std::size_t>(std::max(1, rung) - 1);
    Keep keep = index < rungs_.size() ? rungs_[index].keep(restart) : unknown.keep(restart);
    keep.seconds = std::max(keep.seconds, in_seconds(s.scale_down_delay));
    if (rung <= 1) keep.seconds = std::max(keep.seconds, in_seconds(s.scale_to_zero_pod_retention_period));
    return keep;
}

// --- what is there

// A rung below which demand falls begins a gap; one that it reaches again ends it.
void BreakEven::note_demand(int demand, int most_rungs, TimePoint now) {
    demand = std::min(demand, most_rungs);
    if (rungs_.size() < static_cast<std::size_t>(demand)) rungs_.resize(static_cast<std::size_t>(demand));
    const auto rung = [this](int n) -> Rung& { return rungs_[static_cast<std::size_t>(n - 1)]; };
    for (int n = demand_; n > demand; --n) rung(n).fall(now);
    for (int n = demand_ + 1; n <= demand; ++n) rung(n).climb(now);
    demand_ = demand;
}

std::vector<BreakEven::Idle> BreakEven::idle_pods(const Sight& sight, TimePoint now) {
    std::vector<Idle> idle;
    ++round_;
    for (const PodSight& pod : sight.pods) {
        if (!pod.ready || pod.leases > 0) continue;
        auto& resting = resting_.try_emplace(static_cast<std::uint64_t>(pod.pod), Resting{now, pod.uses, 0})
                            .first->second;
        if (resting.uses != pod.uses) resting = {now, pod.uses, 0};
        resting.seen = round_;
        idle.push_back({pod.pod, resting.since});
    }
    if (resting_.size() > idle.size())
        std::erase_if(resting_, [this](const auto& each) { return each.second.seen != round_; });
    std::ranges::stable_sort(idle, {}, &Idle::since);
    return idle;
}

BreakEven::Count BreakEven::count(const Settings& s, const Sight& sight, TimePoint now) {
    Count c;
    c.demand = pods_for(sight.waiting + sight.running, sight.slots);
    c.waiting = pods_for(sight.waiting, sight.slots);
    const double cold = cold_start(s);
    std::vector<TimePoint> on_their_way;
    for (const PodSight& pod : sight.pods) {
        if (!pod.ready)
            on_their_way.push_back(pod.created);
        else
            ++(pod.leases > 0 ? c.busy : c.idle);
    }
    // A start that takes three times as long as it should is counted on no more, so that another one is made;
    // the next such has twice the time: pods that cannot start at all are tried more and more rarely.
    std::ranges::sort(on_their_way);
    double patience = 3 * std::max(cold, 1.0);
    for (const TimePoint created : on_their_way) {
        const bool late = in_seconds(now - created) > patience;
        ++(late ? c.late : c.starting);
        if (late) patience *= 2;
    }
    c.within = std::min(cold / 2, in_seconds(s.break_even.patience));
    c.soon = static_cast<int>(std::min(std::floor(sight.running * c.within / held_ + 0.5), 1e6));
    c.spare = c.demand > 0 ? s.break_even.spare : 0;
    return c;
}

// Fewest pods, whatever is idle.
int BreakEven::floor(const Settings& s, const Sight& sight, const Count& c) {
    if (!sight.reachable) return 0;
    if (c.idle + c.busy >= std::max(s.min_scale, s.initial_scale)) initial_scale_reached_ = true;
    int least = s.min_scale;
    if (!s.enable_scale_to_zero) least = std::max(least, 1);
    if (!initial_scale_reached_) least = std::max(least, s.initial_scale);
    if (s.activation_scale > 1 && c.demand > 0) least = std::max(least, s.activation_scale);
    return s.max_scale > 0 ? std::min(least, s.max_scale) : least;
}

// --- the decision

Choice BreakEven::decide(const Settings& s, const Sight& sight, TimePoint now) {
    const Count c = count(s, sight, now);
    const int rungs = s.max_scale > 0 ? s.max_scale : most_rungs_ever;
    if (sight.came) note_demand(std::max(c.demand, 1), rungs, now);
    note_demand(c.demand, rungs, now);
    const int there = static_cast<int>(sight.pods.size());
    const int least = floor(s, sight, c);

    // Requests, not pods: with several slots a pod on its way is worth several of them.
    const int slots = sight.slots == 0 ? std::max(1, sight.waiting) : sight.slots;
    const int uncovered = sight.waiting - c.soon - c.starting * slots;
    const int for_queue = pods_for(std::max(0, uncovered), slots);
    const int surplus = std::max(0, -uncovered) / slots;
    const int for_spare = std::max(0, c.spare - c.idle - surplus);
    const int most = s.max_scale > 0 ? std::max(s.max_scale, least) : std::numeric_limits<int>::max();

    Choice choice;
    choice.started = std::clamp(std::max(for_queue + for_spare, least - there), 0, std::max(0, most - there));
    const int needed = c.waiting + std::max(0, c.spare - c.idle);
    if (choice.started == 0 && s.break_even.cancel) {
        // Late ones stay as long as anybody waits: they may still come.
        const int in_vain = needed == 0 ? c.starting + c.late : std::max(0, c.starting - needed);
        choice.cancelled = std::clamp(in_vain, 0, std::max(0, there - least));
    }
    choice.pods = there + choice.started - choice.cancelled;
    if (choice.started > 0) {
        choice.reason = pods_from(there + 1, choice.started) + " started: ";
        choice.cause = for_queue > 0 ? Cause::waiting : for_spare > 0 ? Cause::spare : Cause::floor;
        if (for_queue > 0)
            choice.reason += plural(sight.waiting, "waits", "wait") + ", " +
                             plural(c.busy, "pod busy takes ", "pods busy take ") +
                             number(std::min(c.soon, sight.waiting)) + " of them within " +
                             seconds_text(c.within);
        else if (for_spare > 0)
            choice.reason += "spare is " + number(c.spare);
        else
            choice.reason += why_fewest(s, least, plural(least, "pod is", "pods are"));
    } else if (choice.cancelled > 0) {
        choice.cause = Cause::nobody_waits;
        choice.reason = pods_from(choice.pods + 1, choice.cancelled) + " cancelled while starting: " +
                        (sight.waiting == 0 ? "nobody waits any more" : "fewer wait than start");
    }
    end_idle(s, sight, c, least, choice, now);
    last_ = c;
    last_pods_ = choice.pods;
    last_floor_ = least;
    return choice;
}

// The longest idle goes first; the next one is then judged as a pod of a lower rung.
void BreakEven::end_idle(const Settings& s, const Sight& sight, const Count& c, int least, Choice& choice,
                         TimePoint now) {
    oldest_idle_.reset();
    if (c.idle == 0) {
        if (!resting_.empty()) resting_.clear();
        return;
    }
    int idle = c.idle;
    for (const Idle& pod : idle_pods(sight, now)) {
        if (choice.pods <= least || idle <= c.spare) return;
        const Keep kept = keep(s, choice.pods);
        const TimePoint end = pod.since + of_seconds(kept.seconds);
        if (end > now) {
            choice.due = end;
            oldest_idle_ = pod.since;
            return;
        }
        const std::string restart =
            seconds_text(cold_start(s)) + " + " + seconds_text(in_seconds(s.break_even.worth));
        const std::string number_of_pod = number(choice.pods);
        choice.reason += (choice.reason.empty() ? "" : "; ") + ("pod " + number_of_pod) + " ends: idle " +
                         seconds_text(in_seconds(now - pod.since));
        const auto rung = static_cast<std::size_t>(choice.pods - 1);
        if (kept.learnt)
            choice.reason += "; of the last " + plural(kept.gaps, "gap", "gaps") + " at pod " +
                             number_of_pod + " " + number(rungs_[rung].longer_than(kept.seconds)) +
                             " were longer, a restart costs " + restart;
        else
            choice.reason += ", as long as a restart is worth: " + restart;
        choice.leaving.push_back(pod.pod);
        --choice.pods;
        --idle;
    }
}

std::string BreakEven::standing(const Settings& s, TimePoint now) const {
    const Count& c = last_;
    const double cold = cold_start(s);
    if (c.starting + c.late > 0) {
        std::string said = plural(c.starting + c.late, "pod starts", "pods start") + ", about " +
                           seconds_text(cold) + " each";
        if (c.late > 0) said += "; " + number(c.late) + " of them should have been ready long ago";
        return said;
    }
    if (last_pods_ == 0) return "no pod: nobody wants one";
    if (s.max_scale > 0 && last_pods_ >= s.max_scale && c.waiting > 0)
        return pods(last_pods_) + ", max-scale is " + number(s.max_scale);
    if (!oldest_idle_) {
        if (c.idle > 0 && last_pods_ <= last_floor_)
            return "keeping " + pods(last_pods_) + ": " +
                   why_fewest(s, last_floor_, plural(last_floor_, "is", "are"));
        if (c.idle > 0) return "keeping " + pods(c.idle) + " idle: spare is " + number(c.spare);
        return pods(last_pods_) + ", all busy";
    }
    const Keep kept = keep(s, last_pods_);
    const double left = std::max(0.0, kept.seconds - in_seconds(now - *oldest_idle_));
    std::string said = "keeping pod " + number(last_pods_) + " for " + seconds_text(left) + " more: ";
    if (kept.learnt)
        said +=
            "its last " + number(kept.gaps) + " gaps make " + seconds_text(kept.cheapest) + " the cheapest; ";
    else
        said += "too few gaps are known yet (" + number(kept.gaps) + "), so as long as a restart is worth; ";
    return said + "a cold start costs " + seconds_text(cold) + " + " +
           seconds_text(in_seconds(s.break_even.worth));
}

std::optional<double> BreakEven::keeps_for(const Settings& s, TimePoint now) const {
    if (!oldest_idle_ || last_pods_ == 0) return std::nullopt;
    return std::max(0.0, keep(s, last_pods_).seconds - in_seconds(now - *oldest_idle_));
}

// --- over a restart

std::string BreakEven::learnt() const {
    std::ostringstream out;
    out.precision(9);
    out << "break-even 1\n";
    if (cold_) out << "cold " << *cold_ << "\n";
    out << "held " << held_ << "\n";
    for (const Rung& rung : rungs_) {
        out << "gaps";
        for (const double gap : rung.gaps()) out << " " << gap;
        out << "\n";
    }
    return out.str();
}

bool BreakEven::restore(const std::string& text) {
    std::istringstream lines(text);
    std::string line;
    if (!std::getline(lines, line) || line != "break-even 1") return false;
    std::optional<double> cold;
    double held = held_;
    std::vector<Rung> rungs;
    while (std::getline(lines, line)) {
        std::istringstream words(line);
        std::string what;
        words >> what;
        std::vector<double> values;
        for (double value = 0; words >> value;) values.push_back(value);
        const auto sane = [](double value) { return std::isfinite(value) && value >= 0; };
        if (!words.eof() || !std::ranges::all_of(values, sane)) return false;
        if (what == "cold" && values.size() == 1) {
            cold = values[0];
        } else if (what == "held" && values.size() == 1) {
            held = std::max(shortest_service, values[0]);
        } else if (what == "gaps" && values.size() <= Rung::remembered && rungs.size() < most_rungs_ever) {
            Rung& rung = rungs.emplace_back();
            for (const double gap : values) rung.add(gap);
        } else {
            return false;
        }
    }
    cold_ = cold;
    held_ = held;
    if (rungs.size() < rungs_.size()) rungs.resize(rungs_.size());
    rungs_ = std::move(rungs);
    return true;
}

}  // namespace autoscaler
