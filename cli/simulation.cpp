#include "cli/simulation.hpp"

#include <algorithm>
#include <cmath>
#include <queue>
#include <unordered_map>

#include "autoscaler/controller.hpp"
#include "autoscaler/seconds.hpp"
#include "router/pool.hpp"

namespace cli {
namespace {

using autoscaler::in_seconds;
using autoscaler::of_seconds;
using pods::Duration;
using pods::PodId;
using pods::TimePoint;
using router::Ticket;
using std::chrono::seconds;

constexpr seconds longest_afterlife{3600};

// Nearest rank.
double quantile(const std::vector<double>& sorted, double q) {
    if (sorted.empty()) return 0;
    const auto rank = static_cast<std::size_t>(std::ceil(q * static_cast<double>(sorted.size())));
    return sorted[std::clamp<std::size_t>(rank, 1, sorted.size()) - 1];
}

class World {
public:
    explicit World(const Scenario& scenario)
        : scenario_(scenario),
          pool_(scenario.pool, start_),
          controller_(scenario.scaling, scenario.pool.container_concurrency, "pod",
                      [this] { return PodId{++last_pod_}; }, start_, {}) {
        outcome_.waits.assign(scenario.trace.size(), -1);
    }

    Outcome run();

private:
    struct Event {
        TimePoint at;
        std::uint64_t order;  // of equals, the first made is the first to happen
        enum class What { completion, ready } what;
        std::uint64_t id;
        bool operator>(const Event& other) const {
            return at != other.at ? at > other.at : order > other.order;
        }
    };
    struct Pod {
        TimePoint created, busy_since;
        std::optional<TimePoint> ready;
        int leases = 0;
        std::uint64_t uses = 0;
        double busy = 0;
    };

    std::optional<TimePoint> next() const;
    void happen();
    void arrive();
    void complete(Ticket);
    void become_ready(PodId);
    void dispatch();
    void expire();
    void control();
    void carry_out(const autoscaler::Command&);
    void remove(PodId);
    void release(PodId);
    void note();
    void tell();

    const Scenario& scenario_;
    const TimePoint start_{std::chrono::hours{1}};  // an even second, as any
    TimePoint now_ = start_;
    std::uint64_t last_pod_ = 0, last_event_ = 0;
    router::Pool pool_;
    autoscaler::Controller controller_;
    std::priority_queue<Event, std::vector<Event>, std::greater<>> agenda_;
    std::size_t arrived_ = 0;
    std::unordered_map<std::uint64_t, std::size_t> requests_;  // ticket -> place in the trace
    std::unordered_map<std::uint64_t, PodId> holders_;
    std::unordered_map<std::uint64_t, Pod> pods_;
    TimePoint last_completion_ = start_;
    Outcome outcome_;
};

Outcome World::run() {
    while (const auto at = next()) {
        const bool over = arrived_ == scenario_.trace.size() && requests_.empty();
        if (over && (pods_.empty() || *at > last_completion_ + longest_afterlife)) break;
        now_ = std::max(now_, *at);
        happen();
        expire();
        dispatch();
        control();
        note();
    }
    tell();
    return std::move(outcome_);
}

std::optional<TimePoint> World::next() const {
    std::optional<TimePoint> first;
    const auto consider = [&](std::optional<TimePoint> at) {
        if (at && (!first || *at < *first)) first = at;
    };
    if (!agenda_.empty()) consider(agenda_.top().at);
    if (arrived_ < scenario_.trace.size()) consider(start_ + of_seconds(scenario_.trace[arrived_].arrival));
    if (!requests_.empty()) consider(pool_.next_due(now_));
    consider(controller_.next_due());
    if (controller_.counts_seconds()) consider(TimePoint(seconds(autoscaler::second_of(now_) + 1)));
    return first;
}

void World::happen() {
    while (!agenda_.empty() && agenda_.top().at <= now_) {
        const auto event = agenda_.top();
        agenda_.pop();
        if (event.what == Event::What::completion)
            complete(Ticket{event.id});
        else
            become_ready(PodId{event.id});
    }
    while (arrived_ < scenario_.trace.size() &&
           start_ + of_seconds(scenario_.trace[arrived_].arrival) <= now_)
        arrive();
}

void World::arrive() {
    const auto place = arrived_++;
    const auto ticket = pool_.arrive({}, now_);
    if (!ticket) return;
    requests_[static_cast<std::uint64_t>(*ticket)] = place;
    dispatch();
}

void World::complete(Ticket ticket) {
    const auto id = static_cast<std::uint64_t>(ticket);
    pool_.leave(ticket, now_);
    release(holders_.at(id));
    holders_.erase(id);
    requests_.erase(id);
    last_completion_ = now_;
    dispatch();
}

void World::become_ready(PodId id) {
    const auto found = pods_.find(static_cast<std::uint64_t>(id));
    if (found == pods_.end()) return;  // cancelled
    found->second.ready = now_;
    controller_.cold_start_took(now_ - found->second.created);
    controller_.fleet().passed(id, now_);
}

void World::dispatch() {
    for (const auto& [ticket, pod] : pool_.dispatch(now_)) {
        const auto id = static_cast<std::uint64_t>(ticket);
        const auto place = requests_.at(id);
        const auto& request = scenario_.trace[place];
        outcome_.waits[place] = in_seconds(now_ - start_ - of_seconds(request.arrival));
        holders_[id] = pod;
        auto& at = pods_.at(static_cast<std::uint64_t>(pod));
        ++at.uses;
        if (at.leases++ == 0) at.busy_since = now_;
        agenda_.push({now_ + of_seconds(request.service), ++last_event_, Event::What::completion, id});
    }
}

void World::expire() {
    for (const auto& one : pool_.expire(now_)) requests_.erase(static_cast<std::uint64_t>(one.ticket));
}

// As in the gateway: a look at the pool, a step, and what it says is done; until nothing more is to be done.
void World::control() {
    const auto limit = scenario_.scaling.max_scale;
    autoscaler::Room room{limit > 0 ? limit : autoscaler::Plan::unbounded, autoscaler::Plan::unbounded};
    if (const auto& begins = scenario_.begins) {
        const auto passed = std::chrono::floor<seconds>(now_ - start_).count();
        room.local = autoscaler::LocalTime{begins->utc + passed, begins->utc_offset};
    }
    const auto load = [this](PodId id) {
        const auto found = pods_.find(static_cast<std::uint64_t>(id));
        return found == pods_.end() ? autoscaler::Load{}
                                    : autoscaler::Load{found->second.leases, 0, found->second.uses};
    };
    for (;;) {
        const auto usage = pool_.usage(now_);
        const autoscaler::Seen seen{usage.demand_seconds,
                                    usage.arrivals,
                                    usage.held_seconds,
                                    usage.served,
                                    static_cast<int>(usage.waiting),
                                    static_cast<int>(usage.running)};
        const auto commands = controller_.step(seen, load, room, now_);
        for (const auto& command : commands) carry_out(command);
        dispatch();
        if (commands.empty()) return;
    }
}

void World::carry_out(const autoscaler::Command& command) {
    using Kind = autoscaler::Command::Kind;
    switch (command.kind) {
        case Kind::start: {
            auto& pod = pods_[static_cast<std::uint64_t>(command.pod)];
            pod.created = now_;
            ++outcome_.cold_starts;
            outcome_.peak_pods = std::max(outcome_.peak_pods, static_cast<int>(pods_.size()));
            controller_.fleet().started(command.pod, now_);
            agenda_.push({now_ + of_seconds(scenario_.cold_start), ++last_event_, Event::What::ready,
                          static_cast<std::uint64_t>(command.pod)});
            return;
        }
        case Kind::admit:
        case Kind::readmit:
            return pool_.admit(command.pod, now_);
        case Kind::withdraw:
        case Kind::drain:
            return pool_.drain(command.pod, now_);
        case Kind::stop:
            pool_.drain(command.pod, now_);
            if (pool_.leases(command.pod) > 0) return controller_.fleet().still_busy(command.pod, now_);
            remove(command.pod);
            pool_.forget(command.pod, now_);
            controller_.fleet().stopped(command.pod, now_);
            return;
    }
}

void World::release(PodId id) {
    const auto found = pods_.find(static_cast<std::uint64_t>(id));
    if (found == pods_.end() || --found->second.leases > 0) return;
    found->second.busy += in_seconds(now_ - found->second.busy_since);
}

void World::remove(PodId id) {
    const auto found = pods_.find(static_cast<std::uint64_t>(id));
    if (found == pods_.end()) return;
    const Pod& pod = found->second;
    outcome_.busy += pod.busy;
    if (pod.ready) {
        outcome_.starting += in_seconds(*pod.ready - pod.created);
        outcome_.idle += std::max(0.0, in_seconds(now_ - *pod.ready) - pod.busy);
    } else {
        outcome_.starting += std::max(0.0, in_seconds(now_ - pod.created));
        ++outcome_.cancelled;
    }
    pods_.erase(found);
}

void World::note() {
    if (!scenario_.keep_course) return;
    Moment moment;
    moment.at = in_seconds(now_ - start_);
    moment.waiting = static_cast<int>(pool_.waiting());
    moment.running = static_cast<int>(pool_.running());
    for (const auto& [id, pod] : pods_) ++(pod.ready ? moment.ready : moment.starting);
    auto& course = outcome_.course;
    if (!course.empty() && course.back().at == moment.at)
        course.back() = moment;
    else
        course.push_back(moment);
}

// Pods that are kept for ever count to the last completion.
void World::tell() {
    now_ = last_completion_;
    std::vector<PodId> left;
    for (const auto& [id, pod] : pods_) left.push_back(PodId{id});
    const int cancelled = outcome_.cancelled;
    for (const auto id : left) remove(id);
    outcome_.cancelled = cancelled;

    std::vector<double> sorted;
    double sum = 0;
    for (const double wait : outcome_.waits)
        if (wait >= 0) sorted.push_back(wait), sum += wait;
    std::ranges::sort(sorted);
    outcome_.requests = outcome_.waits.size();
    outcome_.refused = outcome_.requests - sorted.size();
    outcome_.span = in_seconds(last_completion_ - start_);
    if (sorted.empty()) return;
    outcome_.wait_mean = sum / static_cast<double>(sorted.size());
    outcome_.wait_50 = quantile(sorted, 0.5);
    outcome_.wait_95 = quantile(sorted, 0.95);
    outcome_.wait_99 = quantile(sorted, 0.99);
    outcome_.wait_most = sorted.back();
}

}  // namespace

Outcome run(const Scenario& scenario) {
    return World(scenario).run();
}

Bounds bounds(const std::vector<TraceRequest>& trace, double cold_start) {
    Bounds bounds;
    if (trace.empty()) return bounds;
    std::vector<std::pair<double, int>> changes;
    for (const auto& request : trace) {
        bounds.service += request.service;
        changes.emplace_back(request.arrival, 1);
        changes.emplace_back(request.arrival + request.service, -1);
    }
    std::ranges::sort(changes);  // whoever leaves makes room first
    bounds.clairvoyant = bounds.service;
    bounds.service += cold_start;
    std::vector<double> below_since;  // of each rung, once it was reached
    std::size_t demand = 0;
    for (const auto& [at, change] : changes) {
        if (change < 0) {
            below_since[--demand] = at;
        } else if (demand++ == below_since.size()) {
            below_since.push_back(at);
            bounds.clairvoyant += cold_start;
        } else {
            bounds.clairvoyant += std::min(at - below_since[demand - 1], cold_start);
        }
    }
    return bounds;
}

}  // namespace cli
