// Thousands of random lives of a fleet, in virtual time: starts that fail or take long, crashes, lost
// readiness, failed liveness, leases that come and go (one may slip in just before a drain), wishes up and
// down, scarce GPUs. The promises of fleet.hpp are checked after every step; when the noise ends the fleet
// must be what is wanted. A failure names its seed, and the seed replays it.
#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <set>

#include "autoscaler/fleet.hpp"

using namespace autoscaler;
using pods::Phase;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Kind = Command::Kind;

namespace {

struct Broken : std::logic_error {
    using std::logic_error::logic_error;
};

void expect(bool holds, const std::string& promise) {
    if (!holds) throw Broken(promise);
}

// Driver, probes and pool as far as the fleet can tell.
struct Instance {
    bool starting = true;
    bool stopping = false;
    bool ready = false;
    bool admitted = false;
    bool unhealthy = false;
    int leases = 0;
    int sessions = 0;
};

class World {
public:
    explicit World(std::uint64_t seed) : dice_(seed) {
        plan_.limit = pick(1, 8);
        gpus_ = chance(70) ? Plan::unbounded : pick(1, plan_.limit);
    }

    void live(int events) {
        for (int i = 0; i < events; ++i) {
            now_ += milliseconds{pick(0, chance(10) ? 20'000 : 500)};
            happen();
            step();
        }
    }

    // No more trouble: everything answers, every lease ends, pods become ready.
    void settle() {
        gpus_ = Plan::unbounded;
        quiet_ = true;
        plan_.wanted = pick(0, plan_.limit);
        for (int turn = 0; turn < 50; ++turn) {
            step();
            answer_all();
            if (const auto due = fleet_.next_due()) now_ = std::max(now_, *due);
        }
        step();
        expect(fleet_.ready() == plan_.wanted, "as many are ready as are wanted");
        expect(static_cast<int>(fleet_.pods().size()) == plan_.wanted, "and there are no others");
        expect(static_cast<int>(instances_.size()) == plan_.wanted, "nothing was left behind at the driver");
        expect(!fleet_.crash_looping(), "nothing loops");
    }

private:
    int pick(int from, int to) { return std::uniform_int_distribution<>(from, to)(dice_); }
    bool chance(int percent) { return pick(1, 100) <= percent; }

    template <class Predicate>
    std::optional<PodId> any(Predicate predicate) {
        std::vector<PodId> found;
        for (const auto& [id, instance] : instances_)
            if (predicate(instance)) found.push_back(id);
        if (found.empty()) return std::nullopt;
        return found[static_cast<std::size_t>(pick(0, static_cast<int>(found.size()) - 1))];
    }

    static bool runs(const Instance& i) { return !i.starting && !i.stopping; }

    void happen() {
        switch (pick(0, 12)) {
            case 0:
            case 1:
                plan_.wanted = pick(0, plan_.limit + 1);
                return;
            case 2:
            case 3:
                if (auto id = any([](const Instance& i) { return i.starting; }))
                    answer_start(*id, !chance(30));
                return;
            case 4:
            case 5:
                if (auto id = any([](const Instance& i) { return runs(i) && !i.ready; })) pass(*id);
                return;
            case 6:
                if (auto id = any([](const Instance& i) { return i.ready; })) {
                    instances_[*id].ready = false;
                    fleet_.failed_probe(*id, now_);
                }
                return;
            case 7:
                if (auto id = any(runs); id && chance(40)) {
                    instances_[*id].unhealthy = true;
                    fleet_.unhealthy(*id, "liveness probe failed", now_);
                }
                return;
            case 8:
                if (auto id = any([](const Instance&) { return true; }); id && chance(60)) exit(*id);
                return;
            case 9:
            case 10:
                if (auto id = any([](const Instance& i) { return i.admitted; })) {
                    ++instances_[*id].leases;
                    instances_[*id].sessions = pick(0, 3);
                }
                return;
            case 11:
                if (auto id = any([](const Instance& i) { return i.leases > 0; })) --instances_[*id].leases;
                return;
            case 12:
                if (auto id = any([](const Instance& i) { return i.stopping; })) answer_stop(*id);
                return;
        }
    }

    void answer_start(PodId id, bool well) {
        if (well) {
            instances_[id].starting = false;
            fleet_.started(id, now_);
        } else {
            instances_.erase(id);
            fleet_.start_failed(id, "FailedStart", "it did not start", now_);
        }
    }
    void pass(PodId id) {
        if (instances_[id].unhealthy) return;
        instances_[id].ready = true;
        fleet_.passed(id, now_);
    }
    // A pod that was asked to stop is gone for the fleet when the stop is answered, not when its main process
    // ends.
    void exit(PodId id) {
        if (!instances_[id].stopping) instances_.erase(id);
        fleet_.exited(id, pick(0, 1), "it ended", now_);
    }
    void answer_stop(PodId id) {
        instances_.erase(id);
        fleet_.stopped(id, now_);
    }

    void answer_all() {
        std::vector<PodId> ids;
        for (const auto& [id, instance] : instances_) ids.push_back(id);
        for (const PodId id : ids) {
            Instance& instance = instances_[id];
            instance.leases = 0;
            if (instance.starting)
                answer_start(id, true);
            else if (instance.stopping)
                answer_stop(id);
            else if (!instance.ready)
                pass(id);
        }
    }

    void step() {
        plan_.may_start = gpus_ == Plan::unbounded ? gpus_ : std::max(0, gpus_ - alive());
        const auto load = [this](PodId id) {
            expect(instances_.contains(id), "load is asked of pods that exist");
            return Load{instances_[id].leases, instances_[id].sessions};
        };
        const auto commands = fleet_.step(plan_, load, now_);
        check_choice(commands);
        int started = 0;
        for (const Command& c : commands) {
            execute(c);
            if (c.kind == Kind::start) ++started;
        }
        expect(started <= plan_.may_start, "no more starts than the GPUs allow");
        check_fleet();
    }

    // Before anything is carried out: the load is what the fleet saw.
    void check_choice(const std::vector<Command>& commands) {
        const bool busy_one_leaves = std::any_of(commands.begin(), commands.end(), [&](const Command& c) {
            return c.kind == Kind::drain && instances_[c.pod].leases > 0;
        });
        for (const FleetPod& pod : fleet_.pods()) {
            if (!busy_one_leaves || pod.draining) continue;
            const auto found = instances_.find(pod.id);
            expect(found != instances_.end() && found->second.leases > 0,
                   "an idle pod leaves before a busy one");
        }
        for (const Command& c : commands)
            if (c.kind == Kind::stop)
                expect(instances_[c.pod].leases == 0 || instances_[c.pod].unhealthy,
                       "a pod with a lease is not stopped unless it is unhealthy");
    }

    void execute(const Command& c) {
        if (c.kind == Kind::start) {
            expect(used_.insert(c.pod).second, "each instance is started once");
            expect(alive() < plan_.limit, "no start beyond the limit");
            instances_[c.pod] = {};
            return;
        }
        expect(instances_.contains(c.pod), "a command is for a pod that exists");
        Instance& pod = instances_[c.pod];
        switch (c.kind) {
            case Kind::start:
                break;
            case Kind::admit:
            case Kind::readmit:
                expect(pod.ready && !pod.admitted, "who is admitted is ready, and was not admitted before");
                pod.admitted = true;
                break;
            case Kind::drain:
                if (!quiet_ && chance(10)) ++pod.leases;  // slipped in between look and drain
                [[fallthrough]];
            case Kind::withdraw:
                expect(pod.admitted, "who is withdrawn or drained was admitted");
                pod.admitted = false;
                break;
            case Kind::stop:
                expect(runs(pod), "a stop neither overtakes its start nor comes twice");
                expect(!pod.admitted, "the pool knows before the pod is stopped");
                if (pod.leases > 0 && !pod.unhealthy)
                    fleet_.still_busy(c.pod, now_);
                else
                    pod.stopping = true;
                break;
        }
    }

    void check_fleet() {
        std::set<std::string> names;
        int staying = 0;
        for (const FleetPod& pod : fleet_.pods()) {
            expect(names.insert(pod.name).second, "names are unique");
            expect(pod.name == "sd-" + std::to_string(pod.ordinal + 1), "a name tells the ordinal");
            if (!pod.draining) ++staying;
            const auto found = instances_.find(pod.id);
            const bool waits = pod.phase != Phase::container_creating && pod.phase != Phase::running &&
                               pod.phase != Phase::terminating;
            expect(waits == (found == instances_.end()), "who does not wait exists, and the other way round");
            expect(!waits || !pod.draining, "who waits and is not wanted disappears");
            if (pod.due) expect(*pod.due <= now_ + seconds{60}, "a back-off is a minute at most");
            if (found == instances_.end()) continue;
            const bool serves = pod.phase == Phase::running && pod.ready && !pod.draining;
            expect(found->second.admitted == serves, "the pool has exactly those who serve");
        }
        expect(staying == std::min(plan_.wanted, plan_.limit), "as many stay as are wanted");
        expect(fleet_.alive() == alive(), "fleet and driver agree on who is alive");
        expect(alive() <= plan_.limit, "never more alive than the limit");
        expect(!fleet_.next_due() || *fleet_.next_due() > now_, "what is due lies ahead");
    }

    int alive() const { return static_cast<int>(instances_.size()); }

    std::mt19937_64 dice_;
    TimePoint now_{};
    Plan plan_;
    int gpus_ = 0;
    bool quiet_ = false;
    std::uint64_t last_id_ = 0;
    std::map<PodId, Instance> instances_;
    std::set<PodId> used_;
    Fleet fleet_{"sd", [this] { return PodId{++last_id_}; }};
};

// The promise that was broken; empty: none.
std::string outcome(std::uint64_t seed) {
    try {
        World world(seed);
        world.live(300);
        world.settle();
        return {};
    } catch (const Broken& promise) {
        return promise.what();
    }
}

}  // namespace

TEST_CASE("a fleet keeps its promises through thousands of random lives", "[fleet][simulation]") {
    for (std::uint64_t seed = 1; seed <= 3000; ++seed) {
        INFO("seed " << seed);
        REQUIRE(outcome(seed) == "");
    }
}
