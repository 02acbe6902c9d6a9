// Jobs under threads: each waits on its errand's own thread for an end that a stream hears on another one.
// Meant for ThreadSanitizer. No end may be lost.
#include <atomic>
#include <boost/asio.hpp>
#include <catch2/catch.hpp>
#include <thread>

#include "proxy/jobs.hpp"

using namespace proxy;
using namespace std::chrono_literals;

namespace {

constexpr int jobs_each = 300;
constexpr auto jobs_give_up_after = 60s;  // a lost wake-up ends the test instead of hanging it

asio::awaitable<void> errand(asio::io_context& io, Jobs& jobs, int number, std::atomic<int>& over) {
    const auto job = jobs.begin(io, std::to_string(number), std::to_string(number % 7));
    const auto deadline = Clock::now() + jobs_give_up_after;
    for (;;) {
        job->alarm.expires_at(deadline);
        if (jobs.over(*job) || Clock::now() >= deadline) break;
        co_await job->alarm.async_wait(asio::as_tuple(asio::use_awaitable));
    }
    if (jobs.over(*job)) ++over;
    jobs.forget(job);
}

}  // namespace

TEST_CASE("no end of a job is lost between threads", "[jobs][threads]") {
    Jobs jobs;
    std::atomic<int> over{0};
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 2; ++thread)
        threads.emplace_back([&, thread] {
            asio::io_context io(1);
            for (int i = 0; i < jobs_each; ++i)
                asio::co_spawn(io, errand(io, jobs, thread * jobs_each + i, over), asio::detached);
            io.run();
        });
    threads.emplace_back([&] {
        for (int i = 0; i < 2 * jobs_each; ++i) {
            jobs.opened(std::to_string(i % 7));
            jobs.ended(std::to_string(i));
            jobs.closed(std::to_string(i % 7));
        }
    });
    threads.clear();
    CHECK(over == 2 * jobs_each);
}
