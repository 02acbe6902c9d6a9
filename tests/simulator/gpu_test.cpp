// The lock and the GPU in virtual time.
#include "simulator/gpu.hpp"

#include <catch2/catch.hpp>
#include <map>
#include <random>

using namespace simulator;
using namespace std::chrono_literals;

namespace {

const TimePoint start{1h};

Work work(Duration sampling, Duration decode = 0s, int steps = 20, int iterations = 1) {
    return {sampling, decode, steps, iterations};
}

}  // namespace

TEST_CASE("a free GPU is taken at once and held for the work's time", "[gpu]") {
    Gpu gpu(start, 0s);
    const JobId job = gpu.arrive("a", work(10s, 1s), start);
    CHECK(gpu.due(job) == start + 11s);
    const Run run = gpu.leave(job, start + 11s);
    CHECK(run.start == start);
    CHECK(run.end == start + 11s);
    CHECK(gpu.running() == 0);
}

TEST_CASE("the lock goes to the longest waiting at the moment it is given back", "[gpu]") {
    Gpu gpu(start, 0s);
    const JobId a = gpu.arrive("a", work(10s), start);
    const JobId b = gpu.arrive("b", work(10s), start + 1s);
    const JobId c = gpu.arrive("c", work(10s), start + 2s);
    CHECK(gpu.pending() == std::vector<std::string>{"b", "c"});
    CHECK_FALSE(gpu.due(b));
    gpu.leave(a, start + 10s);
    CHECK(gpu.due(b) == start + 20s);
    CHECK_FALSE(gpu.due(c));
    const Run run = gpu.leave(b, start + 20s);
    CHECK(run.arrive == start + 1s);
    CHECK(run.start == start + 10s);
}

TEST_CASE("whoever leaves the line does not get the lock", "[gpu]") {
    Gpu gpu(start, 0s);
    const JobId a = gpu.arrive("a", work(10s), start);
    const JobId b = gpu.arrive("b", work(10s), start);
    const JobId c = gpu.arrive("c", work(10s), start);
    gpu.leave(b, start + 5s);
    gpu.leave(a, start + 10s);
    CHECK(gpu.due(c) == start + 20s);
}

TEST_CASE("jobs that share the GPU slow each other down", "[gpu]") {
    Gpu gpu(start, 0s);
    const JobId a = gpu.arrive("a", work(10s), start);
    const JobId b = gpu.arrive("b", work(10s), start + 5s, true);
    CHECK(gpu.due(a) == start + 15s);  // 5 s alone, 5 s of work at half speed
    gpu.leave(a, start + 15s);
    CHECK(gpu.due(b) == start + 20s);
}

TEST_CASE("the first job waits for the model inside the lock", "[gpu]") {
    Gpu gpu(start + 8s, 0s);
    const JobId a = gpu.arrive("a", work(10s), start + 2s);
    CHECK(gpu.due(a) == start + 18s);
    CHECK_FALSE(gpu.progress(start + 5s));
    CHECK(gpu.progress(start + 13s)->share == Approx(0.5));
    gpu.leave(a, start + 18s);
    CHECK(gpu.due(gpu.arrive("b", work(10s), start + 20s)) == start + 30s);
}

TEST_CASE("a lazy model is paid for by the first job only", "[gpu]") {
    Gpu gpu(start, 8s);
    const JobId a = gpu.arrive("a", work(10s), start + 100s);
    CHECK(gpu.due(a) == start + 118s);
    gpu.leave(a, start + 118s);
    CHECK(gpu.due(gpu.arrive("b", work(10s), start + 200s)) == start + 210s);
}

TEST_CASE("an interrupt ends the work at the next step border, and the image so far is decoded", "[gpu]") {
    Gpu gpu(start, 0s);
    const JobId a = gpu.arrive("a", work(10s, 1s, 10), start);
    CHECK(gpu.interrupt(start + 2500ms));
    CHECK(gpu.due(a) == start + 4s);
    CHECK(gpu.leave(a, start + 4s).interrupted);
}

TEST_CASE("an interrupt during the decoding saves nothing", "[gpu]") {
    Gpu gpu(start, 0s);
    const JobId a = gpu.arrive("a", work(10s, 1s, 10), start);
    gpu.interrupt(start + 10500ms);
    CHECK(gpu.due(a) == start + 11s);
}

TEST_CASE("an interrupt while nothing has begun is lost", "[gpu]") {
    Gpu gpu(start + 8s, 0s);
    CHECK_FALSE(gpu.interrupt(start));
    const JobId a = gpu.arrive("a", work(10s), start);
    CHECK_FALSE(gpu.interrupt(start + 1s));
    CHECK(gpu.due(a) == start + 18s);
    CHECK_FALSE(gpu.leave(a, start + 18s).interrupted);
}

TEST_CASE("skipping ends one iteration, interrupting all of them", "[gpu]") {
    Gpu gpu(start, 0s);
    const JobId a = gpu.arrive("a", work(30s, 0s, 10, 3), start);
    gpu.skip(start + 2500ms);
    CHECK(gpu.due(a) == start + 23s);
    gpu.interrupt(start + 5500ms);
    CHECK(gpu.due(a) == start + 6s);
}

TEST_CASE("a share of the work is due in proportion", "[gpu]") {
    Gpu gpu(start + 2s, 0s);
    const JobId a = gpu.arrive("a", work(9s, 1s), start);
    CHECK(gpu.due(a, 0.5) == start + 7s);
}

TEST_CASE("progress counts steps and iterations", "[gpu]") {
    Gpu gpu(start, 0s);
    gpu.arrive("a", work(20s, 0s, 10, 2), start);
    const auto progress = gpu.progress(start + 12500ms);
    REQUIRE(progress);
    CHECK(progress->step == 2);
    CHECK(progress->iteration == 1);
    CHECK(progress->share == Approx(0.625));
    CHECK(progress->running == 12500ms);
}

TEST_CASE("whatever happens the lock has one holder and serves in order of arrival", "[gpu]") {
    for (std::uint32_t seed = 1; seed <= 50; ++seed) {
        CAPTURE(seed);
        std::mt19937 random(seed);
        Gpu gpu(start, 0s);
        std::vector<JobId> inside;  // in order of arrival
        TimePoint now = start, last_end = start;
        for (int event = 0; event < 400; ++event) {
            now += std::chrono::milliseconds(random() % 500);
            const auto choice = random() % 10;
            if (choice < 4) {
                inside.push_back(
                    gpu.arrive("t", work(std::chrono::milliseconds(random() % 2000), 10ms), now));
            } else if (choice < 5) {
                gpu.interrupt(now);
            } else if (choice < 6 && inside.size() > 1) {
                const auto at = 1 + random() % (inside.size() - 1);
                gpu.leave(inside[at], now);
                inside.erase(inside.begin() + static_cast<std::ptrdiff_t>(at));
            } else if (!inside.empty()) {
                const auto due = gpu.due(inside.front());
                REQUIRE(due);
                now = std::max(now, *due);
                const Run run = gpu.leave(inside.front(), now);
                inside.erase(inside.begin());
                REQUIRE(run.start >= last_end);
                REQUIRE(run.end >= run.start);
                last_end = run.end;
            }
            REQUIRE(gpu.running() == (inside.empty() ? 0u : 1u));
            REQUIRE(gpu.running() + gpu.waiting() == inside.size());
            if (!inside.empty()) REQUIRE(gpu.due(inside.front()));
        }
    }
}

TEST_CASE("the run log keeps at least the last hundred thousand and forgets older ones", "[gpu]") {
    RunLog log;
    for (std::size_t i = 0; i < RunLog::most + 10; ++i) log.add(Run{std::to_string(i), {}, {}, {}});
    CHECK(log.runs().size() == RunLog::most);
    CHECK(RunLog::most >= 100'000);
    CHECK(log.runs().front().task == "10");
}

TEST_CASE("something light takes its turn at the lock and is no generation", "[gpu]") {
    Gpu gpu(start, 0s);
    Work counting = work(1s, 0s, 1);
    counting.light = true;
    const JobId counter = gpu.arrive("", counting, start);
    const JobId image = gpu.arrive("a", work(10s), start);
    CHECK(gpu.running() == 0);
    CHECK(gpu.waiting() == 0);  // behind no generation
    CHECK_FALSE(gpu.holder());
    CHECK_FALSE(gpu.interrupt(start));
    gpu.leave(counter, start + 1s);
    CHECK(gpu.due(image) == start + 11s);
    gpu.arrive("", counting, start + 2s);
    CHECK(gpu.running() == 1);
    CHECK(gpu.waiting() == 0);
    CHECK(gpu.light_waiting() == 1);
    CHECK(gpu.pending().empty());
    gpu.arrive("b", work(10s), start + 3s);
    CHECK(gpu.waiting() == 1);
}

TEST_CASE("a lazy model is loaded by the first generation, not by something light", "[gpu]") {
    Gpu gpu(start, 5s);
    Work counting = work(1s, 0s, 1);
    counting.light = true;
    const JobId counter = gpu.arrive("", counting, start);
    CHECK(gpu.due(counter) == start + 1s);
    gpu.leave(counter, start + 1s);
    CHECK(gpu.due(gpu.arrive("a", work(10s), start + 1s)) == start + 16s);
}
