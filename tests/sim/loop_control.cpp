// The control loop of the simulation: what proxy/control/revision.cpp does, without its sockets.
#include "loop.hpp"

namespace sim {

using autoscaler::Command;
using std::chrono::seconds;

void Loop::tick() {
    look();
    account();
    poke();
    if (!quiet_ && dice_.chance(20) && come())
        in({}, [this] { tick(); });  // traffic does not wait for control
    step();
    expect(usage_.waiting == 0 || pool_->waiting() == 0 || !fleet_.pods().empty(),
           "whoever waits has a pod coming");
}

void Loop::look() {
    for (const auto& one : pool_->expire(now_)) {
        note("expires " + number(one.ticket));
        expect(requests_.erase(one.ticket) == 1, "a request ends once");
    }
    usage_ = pool_->usage(now_);
    loads_.clear();
    for (const auto& [id, instance] : instances_) loads_[id] = pool_->leases(id);
    for (const auto id : pool_->benched())
        if (up(id) && !instances_[id].rechecking) {
            instances_[id].rechecking = true;
            in(between(10, 1'000), [this, id] { probe(id); });
        }
}

void Loop::account() {
    const auto second = autoscaler::second_of(now_);
    if (second == second_) return;
    const auto elapsed = std::chrono::duration<double>(now_ - counted_from_).count();
    const double concurrency = (usage_.demand_seconds - counted_.demand_seconds) / elapsed;
    for (auto closed = second_; closed < second; ++closed) {
        const TimePoint end{seconds{closed}};
        if (concurrency > 0 || fleet_.alive() > 0)
            scaler_->record(closed, std::max(0.0, concurrency - pushed_), 0);
        pushed_ = 0;
        if (closed % 2 == 0) scaler_->evaluate(fleet_.ready(), end);
        wish_ = scaler_->reconcile(fleet_.ready(), end);
    }
    second_ = second;
    counted_from_ = now_;
    counted_ = usage_;
}

void Loop::poke() {
    const auto demand = static_cast<double>(usage_.waiting + usage_.running);
    if (fleet_.ready() > 0 || usage_.waiting == 0 || demand <= pushed_) return;
    scaler_->record(autoscaler::second_of(now_), demand - pushed_, 0);
    pushed_ = demand;
    scaler_->evaluate(fleet_.ready(), now_);
    wish_ = scaler_->reconcile(fleet_.ready(), now_);
}

void Loop::step() {
    const autoscaler::Plan plan{wish_.replicas, scaling_.max_scale, autoscaler::Plan::unbounded};
    const auto load = [this](PodId id) { return autoscaler::Load{loads_[id], 0}; };
    for (const auto& command : fleet_.step(plan, load, now_)) carry_out(command);
    pool_->refuse_all(fleet_.crash_looping());
}

void Loop::carry_out(const Command& command) {
    const auto id = command.pod;
    note(std::string(to_string(command.kind)) + " " + number(id));
    switch (command.kind) {
        case Command::Kind::start:
            return start(id);
        case Command::Kind::admit:
        case Command::Kind::readmit:
            if (up(id)) pool_->admit(id, now_);
            return;
        case Command::Kind::withdraw:
        case Command::Kind::drain:
            return pool_->drain(id, now_);
        case Command::Kind::stop: {
            pool_->drain(id, now_);
            const auto* pod = fleet_pod(id);
            if (pod != nullptr && !pod->sick && pool_->leases(id) > 0) return fleet_.still_busy(id, now_);
            expect(instances_.contains(id) && !instances_[id].stopping, "a pod is asked to stop once");
            expect(instances_[id].sick || pool_->leases(id) == 0, "a pod that works is not stopped");
            instances_[id].stopping = true;
            const bool lost = !quiet_ && dice_.chance(10);
            in(lost ? Duration{seconds{45}} : between(0, 500), [this, id] {
                remove(id);
                fleet_.stopped(id, now_);
                tick();
            });
            return;
        }
    }
}

const autoscaler::FleetPod* Loop::fleet_pod(PodId id) const {
    for (const auto& pod : fleet_.pods())
        if (pod.id == id) return &pod;
    return nullptr;
}

}  // namespace sim
