// A fleet in virtual time, driven by hand. Pods are called by their number: 1 is "sd-1". Commands are told as
// "start 1, admit 2".
#pragma once

#include <map>
#include <stdexcept>
#include <string>

#include "autoscaler/fleet.hpp"

class Yard {
public:
    using PodId = autoscaler::PodId;
    using FleetPod = autoscaler::FleetPod;

    autoscaler::Fleet fleet{"sd", [this] { return PodId{++last_id_}; }};
    autoscaler::TimePoint now{};
    autoscaler::Plan plan;
    std::map<int, autoscaler::Load> load;  // by number

    std::string step() {
        std::string said;
        for (const autoscaler::Command& c : fleet.step(
                 plan, [this](PodId id) { return load[pod_of(id).ordinal + 1]; }, now))
            said += (said.empty() ? "" : ", ") + std::string(to_string(c.kind)) + " " + c.name.substr(3);
        return said;
    }
    // The plan from now on, and what it makes the fleet do.
    std::string want(int wanted) {
        plan.wanted = wanted;
        return step();
    }
    void wait(std::chrono::seconds s) { now += s; }

    const FleetPod& pod(int number) const {
        for (const FleetPod& p : fleet.pods())
            if (p.ordinal == number - 1) return p;
        throw std::logic_error("no such pod");
    }
    PodId id(int number) const { return pod(number).id; }

    void started(int n) { fleet.started(id(n), now); }
    void passed(int n) { fleet.passed(id(n), now); }
    void exited(int n, int code = 1) { fleet.exited(id(n), code, "exited", now); }
    void stopped(int n) { fleet.stopped(id(n), now); }

    // `count` ready pods, a second apart.
    void ready(int count) {
        for (int n = 1; n <= count; ++n) {
            want(n);
            started(n);
            passed(n);
            step();
            wait(std::chrono::seconds{1});
        }
    }
    void fail_start(int n) {
        fleet.start_failed(id(n), "FailedStart", "no such command", now);
        step();
    }

private:
    const FleetPod& pod_of(PodId id) const {
        for (const FleetPod& p : fleet.pods())
            if (p.id == id) return p;
        throw std::logic_error("load asked of an unknown pod");
    }
    std::uint64_t last_id_ = 0;
};
