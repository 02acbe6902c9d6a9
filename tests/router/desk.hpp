// A pool in virtual time, driven by hand. Requests and pods are called by their numbers; grants are told as
// "1@2, 3@1": request 1 got a slot of pod 2, request 3 one of pod 1. After every step the pool's own check
// must hold.
#pragma once

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "router/pool.hpp"

class Desk {
public:
    explicit Desk(int concurrency = 1) {
        change([&](router::PoolSettings& s) { s.container_concurrency = concurrency; });
    }

    router::TimePoint now{};
    router::Pool pool{{}, {}};

    // A live change of the settings.
    template <class Change>
    void change(Change apply) {
        auto settings = pool.settings();
        apply(settings);
        pool.configure(settings, now);
    }
    void wait(router::Duration time) { now += time; }

    // The request's number; 0: the queue is full.
    int arrive(std::uint64_t bytes = 0) { return come({std::nullopt, bytes}); }
    int arrive_for(int pod, std::uint64_t bytes = 0) { return come({router::PodId(pod), bytes}); }

    int arrive_with(int key, std::size_t running = 0) {
        return come({std::nullopt, 0, router::Key(key), running, 0});
    }
    int arrive_with_for(int key, int pod) { return come({router::PodId(pod), 0, router::Key(key), 0, 0}); }

    void admit(int pod) { pool.admit(router::PodId(pod), now); }
    void drain(int pod) { pool.drain(router::PodId(pod), now); }
    void forget(int pod) { pool.forget(router::PodId(pod), now); }
    void bench(int pod) { pool.bench(router::PodId(pod), now); }
    void fail(int pod) { pool.failed(router::PodId(pod), now); }
    void succeed(int pod) { pool.succeeded(router::PodId(pod)); }
    void sessions(int pod, int count) { pool.set_sessions(router::PodId(pod), count); }
    void leave(int request) { pool.leave(router::Ticket(request), now); }
    bool retry(int request) { return pool.retry(router::Ticket(request), now); }

    std::string granted() {
        std::string said;
        for (const auto grant : pool.dispatch(now))
            said += (said.empty() ? "" : ", ") + number(grant.ticket) + "@" + number(grant.pod);
        CHECK(pool.check() == "");
        return said;
    }

    // "1 queue, 2 cold, 3 unavailable"
    std::string expired() {
        std::string said;
        for (const auto one : pool.expire(now))
            said += (said.empty() ? "" : ", ") + number(one.ticket) +
                    (one.why == router::Overdue::queue_timeout        ? " queue"
                     : one.why == router::Overdue::cold_start_timeout ? " cold"
                                                                      : " unavailable");
        CHECK(pool.check() == "");
        return said;
    }

    router::Waited waited(int request) const { return pool.waited(router::Ticket(request), now); }
    int leases(int pod) const { return pool.leases(router::PodId(pod)); }
    bool admitted(int pod) const { return pool.admitted(router::PodId(pod)); }

private:
    int come(const router::Arrival& arrival) {
        const auto ticket = pool.arrive(arrival, now);
        return ticket ? static_cast<int>(*ticket) : 0;
    }
    template <class Id>
    static std::string number(Id id) {
        return std::to_string(static_cast<std::uint64_t>(id));
    }
};
