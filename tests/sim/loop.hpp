// A gateway in virtual time: the real pool, autoscaler and fleet, joined as the control loop joins them, over
// pods and clients that are only numbers and delays. Pods start slowly or not at all, crash, hang, lose their
// readiness, or take long to stop; clients come in bursts and may leave.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <set>

#include "autoscaler/fleet.hpp"
#include "autoscaler/revision.hpp"
#include "dice.hpp"
#include "router/pool.hpp"

namespace sim {

using pods::Duration;
using pods::PodId;
using pods::TimePoint;
using router::Ticket;

template <class Id>
std::string number(Id id) {
    return std::to_string(static_cast<std::uint64_t>(id));
}

class Loop {
public:
    explicit Loop(std::uint64_t seed);

    void live();
    void settle();
    std::string diary() const;

private:
    struct Instance {
        bool up = false;  // its start was answered
        bool ready = false;
        bool stopping = false;
        bool sick = false;
        bool rechecking = false;
    };
    struct Request {
        std::optional<PodId> on;
        int attempts = 0;
    };

    void note(const std::string& what);
    void in(Duration, std::function<void()>);
    void run_for(Duration);
    void dispatch();
    void check() const;
    Duration between(int from_ms, int to_ms);

    // clients
    void burst();
    void arrive();      // and wakes control if no pod is there
    bool come();        // true: no pod is there
    void over(Ticket);  // served, failed or gone
    void work(Ticket, PodId);
    void finish(Ticket, PodId);
    void abandon(PodId);            // whoever is on a pod that is gone notices
    void break_off(Ticket, PodId);  // and is tried once more, or fails

    // pods
    void start(PodId);
    void probe(PodId);
    void crash(PodId);
    void remove(PodId);
    void hang(PodId);
    bool up(PodId) const;

    // control, as in proxy/control/revision.cpp
    void every_quarter_second();
    void tick();
    void look();
    void account();
    void poke();
    void step();
    void carry_out(const autoscaler::Command&);
    const autoscaler::FleetPod* fleet_pod(PodId) const;

    Dice dice_;
    bool quiet_ = false;
    const TimePoint start_{std::chrono::hours{1}};
    TimePoint now_ = start_;
    std::multimap<TimePoint, std::function<void()>> agenda_;
    autoscaler::Settings scaling_;
    router::PoolSettings queueing_;
    std::optional<router::Pool> pool_;
    std::optional<autoscaler::Revision> scaler_;
    std::uint64_t last_pod_ = 0;
    autoscaler::Fleet fleet_{"sd", [this] { return PodId{++last_pod_}; }};
    autoscaler::Wish wish_;
    autoscaler::Second second_;
    TimePoint counted_from_ = start_;
    router::Usage usage_, counted_;
    double pushed_ = 0;
    std::map<PodId, Instance> instances_;  // as the driver knows them
    std::map<PodId, int> loads_;           // as of the last look
    std::map<Ticket, Request> requests_;   // not over yet
    int came_ = 0, served_ = 0;
    std::deque<std::string> diary_;
};

}  // namespace sim
