// The gate under threads: workers full of clients, many of whom vanish while a grant is on its way, and a
// control thread that admits, drains, benches, forgets, looks and reconfigures. Meant for ThreadSanitizer. No
// slot may be lost, and never may more requests hold a pod than it has slots.
#include <array>
#include <atomic>
#include <boost/asio.hpp>
#include <catch2/catch.hpp>
#include <deque>
#include <random>
#include <thread>

#include "proxy/gate.hpp"

using namespace proxy;
using namespace std::chrono_literals;

namespace {

constexpr int workers = 3, clients = 12, rounds = 100, slots = 2;
constexpr std::size_t most_pods = 4096;  // that ever are, in one test
constexpr auto give_up_after = 120s;     // a lost wake-up ends the test instead of hanging it

class Dice {
public:
    explicit Dice(unsigned seed) : engine_(seed) {}
    bool chance(int percent) { return pick(1, 100) <= percent; }
    int pick(int from, int to) { return std::uniform_int_distribution<>(from, to)(engine_); }

private:
    std::mt19937 engine_;
};

struct Town {
    std::array<asio::io_context, workers> io;
    std::array<std::atomic<int>, most_pods> holders{};
    std::atomic<int> at_work{workers * clients}, over_limit{0}, served{0}, refused{0}, vanished{0}, wakes{0},
        failures{0};
    std::shared_ptr<Gate> gate = [this] {
        router::PoolSettings settings;
        settings.container_concurrency = slots;
        return std::make_shared<Gate>(settings, Clock::now(), [this] { ++wakes; });
    }();
};

asio::awaitable<void> let_others_run(asio::io_context& io, int turns) {
    for (int i = 0; i < turns; ++i) co_await asio::post(io, asio::use_awaitable);
}

asio::awaitable<void> answer_of(const Lease& lease) {
    while (!lease.granted() && !lease.refused())
        co_await lease.waiter().alarm.async_wait(asio::as_tuple(asio::use_awaitable));
}

// One client's day: he comes, waits, works, is retried, comes again; at any point he may just vanish.
asio::awaitable<void> client(Town& town, asio::io_context& io, unsigned seed) {
    Dice dice(seed);
    for (int round = 0; round < rounds; ++round) {
        Caller caller;
        if (dice.chance(40)) caller.cookie = Binding{static_cast<std::uint64_t>(dice.pick(1, 10)), 0, 0};
        if (dice.chance(40)) caller.ids = {"session:" + std::to_string(dice.pick(1, 10))};
        if (dice.chance(40)) caller.origin = "192.0.2." + std::to_string(dice.pick(1, 10));
        const std::vector<std::string> names{"request:" + std::to_string(dice.pick(1, 100))};
        auto lease = town.gate->enter(io, caller, 10, names, Clock::now());
        if (dice.chance(30)) {
            co_await let_others_run(io, dice.pick(0, 3));
            ++town.vanished;
            continue;
        }
        for (int attempt = 0; attempt < 3; ++attempt) {
            co_await answer_of(lease);
            if (!lease.granted()) break;
            const auto id = lease.pod()->id;
            auto& holders = town.holders[static_cast<std::size_t>(id)];
            if (++holders > slots) ++town.over_limit;
            co_await let_others_run(io, dice.pick(0, 4));
            --holders;
            const bool breaks = dice.chance(10);
            if (breaks)
                town.gate->bench(id, Clock::now());
            else if (dice.chance(10))
                town.gate->failed(id, Clock::now());
            else
                town.gate->succeeded(id);
            if (!breaks || !lease.retry()) break;
        }
        ++(lease.refused() ? town.refused : town.served);
        if (dice.chance(50)) lease.release();
        const auto placed = town.gate->any_pod(caller, router::Towards(dice.pick(0, 3)), Clock::now());
        if (!placed.pod) continue;
        const std::vector<std::string> learned{"event:" + std::to_string(dice.pick(1, 100))};
        town.gate->learn(learned, placed.pod->id, Clock::now());
        for (const auto& other : town.gate->others(placed.pod->id))
            if (other->id == placed.pod->id) ++town.failures;
    }
}

// What control does to pods while clients come and go.
class Control {
public:
    explicit Control(Town& town, unsigned seed) : town_(town), dice_(seed) {}

    void step() {
        const auto now = Clock::now();
        ask();
        switch (dice_.pick(0, 9)) {
            case 0:
                if (pods_.size() < 4 && last_ + 1 < most_pods) add();
                return;
            case 1:
            case 2:
                if (!pods_.empty()) town_.gate->drain(any()->id, now);
                return;
            case 3:
            case 4:
            case 5:
                if (!pods_.empty()) town_.gate->admit(any(), now);
                return;
            case 6:
                if (pods_.size() > 2) forget();
                return;
            case 7: {
                router::PoolSettings settings;
                settings.container_concurrency = slots;
                if (dice_.chance(50)) settings.affinity_wait = std::chrono::milliseconds{dice_.pick(0, 2)};
                town_.gate->configure(settings, 30min, now);
                return;
            }
            default:
                look(now);
        }
    }
    // Everybody may work: nobody is left waiting for a pod that takes no work.
    void calm() {
        const auto now = Clock::now();
        if (pods_.empty()) add();
        for (const auto& pod : pods_) town_.gate->admit(pod, now);
        look(now);
    }
    void look(TimePoint now) {
        for (const auto& pod : town_.gate->look(now).pods)
            if (pod.leases > slots) ++town_.over_limit;
    }

    // What anybody may ask at any time.
    void ask() {
        const auto place = town_.gate->place("request:" + std::to_string(dice_.pick(1, 100)), Clock::now());
        if (place && place->ahead >= static_cast<std::size_t>(workers * clients)) ++town_.failures;
        router::Outlook outlook;
        outlook.starting.push_back({"pod-1", "Running", Clock::now()});
        town_.gate->set_outlook(std::move(outlook));
        if (town_.gate->overview(Clock::now()).phase != "Running") ++town_.failures;
    }

private:
    void add() {
        auto pod = std::make_shared<Backend>();
        pod->id = PodId{++last_};
        pod->tag = last_;
        town_.gate->admit(pod, Clock::now());
        pods_.push_back(std::move(pod));
    }
    void forget() {
        const auto at = pods_.begin() + dice_.pick(0, static_cast<int>(pods_.size()) - 1);
        town_.gate->forget((*at)->id, Clock::now());
        pods_.erase(at);
    }
    std::shared_ptr<const Backend> any() {
        return pods_[static_cast<std::size_t>(dice_.pick(0, static_cast<int>(pods_.size()) - 1))];
    }

    Town& town_;
    Dice dice_;
    std::uint64_t last_ = 0;
    std::deque<std::shared_ptr<const Backend>> pods_;
};

// Runs the clients on their workers while `control` acts on this thread, until the last one is through.
template <class Act>
void run(Town& town, unsigned seed, Act control) {
    std::array<std::thread, workers> threads;
    for (int w = 0; w < workers; ++w) {
        auto& io = town.io[static_cast<std::size_t>(w)];
        for (int c = 0; c < clients; ++c)
            asio::co_spawn(io, client(town, io, seed * 1000 + static_cast<unsigned>(w * clients + c)),
                           [&](std::exception_ptr error) {
                               if (error) ++town.failures;
                               --town.at_work;
                           });
    }
    for (int w = 0; w < workers; ++w)
        threads[static_cast<std::size_t>(w)] =
            std::thread([&io = town.io[static_cast<std::size_t>(w)], &town] {
                const auto work = asio::make_work_guard(io);
                while (town.at_work > 0) io.run_for(10ms);
            });
    const auto deadline = Clock::now() + give_up_after;
    for (int step = 0; town.at_work > 0 && Clock::now() < deadline; ++step) {
        control(step);
        std::this_thread::yield();
    }
    const bool all_through = town.at_work == 0;
    town.at_work = 0;
    for (auto& thread : threads) thread.join();
    for (auto& io : town.io) io.poll();  // grants that were on their way to nobody
    REQUIRE(all_through);
    CHECK(town.failures == 0);
    CHECK(town.over_limit == 0);
    CHECK(town.served + town.refused + town.vanished == workers * clients * rounds);
}

void check_nothing_is_left(Town& town) {
    const auto look = town.gate->look(Clock::now());
    CHECK(look.usage.waiting == 0);
    CHECK(look.usage.running == 0);
    for (const auto& pod : look.pods) CHECK(pod.leases == 0);
}

}  // namespace

TEST_CASE("no slot is lost and none is given twice while clients vanish and pods come and go",
          "[gate][threads]") {
    for (unsigned seed = 1; seed <= 5; ++seed) {
        INFO("seed " << seed);
        Town town;
        Control control(town, seed);
        run(town, seed, [&](int step) { step < 4'000 ? control.step() : control.calm(); });
        check_nothing_is_left(town);
        CHECK(town.refused == 0);
        CHECK(town.wakes > 0);
    }
}

TEST_CASE("everybody gets an answer when the queue is refused under load", "[gate][threads]") {
    for (unsigned seed = 1; seed <= 5; ++seed) {
        INFO("seed " << seed);
        Town town;
        Control control(town, seed);
        run(town, seed, [&](int step) {
            if (step == 300) town.gate->refuse_queue(Refusal::shutting_down, Clock::now());
            control.step();
        });
        check_nothing_is_left(town);
    }
}
