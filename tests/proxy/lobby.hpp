// A gate on one thread, with a clock moved by hand. Pods are called by their numbers; their tags are 100
// more.
#pragma once

#include <boost/asio/post.hpp>
#include <catch2/catch.hpp>

#include "proxy/gate.hpp"

using namespace proxy;
using namespace std::chrono_literals;

class Lobby {
public:
    Lobby() {
        configure([](auto&) {});
    }

    asio::io_context io;
    int wakes = 0;
    TimePoint now = Clock::now();
    router::PoolSettings settings;
    std::shared_ptr<Gate> gate = std::make_shared<Gate>(settings, now, [this] { ++wakes; });

    template <class Change>
    void configure(Change change) {
        settings.container_concurrency = 1;
        change(settings);
        gate->configure(settings, 30min, now);
    }

    // On the worker's thread, as traffic does.
    template <class Work>
    void work(Work work) {
        asio::post(io, work);
        io.restart();
        io.run();
    }
    Lease enter(const Caller& caller, const std::vector<std::string>& names = {}) {
        Lease lease;
        work([&] { lease = gate->enter(io, caller, 0, names, now); });
        return lease;
    }
    Lease enter(std::optional<Binding> session = {}) { return enter(Caller{{}, session}); }
    bool retry(Lease& lease) {
        bool waits = false;
        work([&] { waits = lease.retry(); });
        return waits;
    }
    void settle() {
        work([] {});
    }

    void admit(std::uint64_t id) {
        auto backend = std::make_shared<Backend>();
        backend->id = PodId{id};
        backend->name = "pod-" + std::to_string(id);
        backend->tag = 100 + id;
        gate->admit(std::move(backend), now);
        settle();
    }
    // Where a session's request that takes no slot goes; 0: nowhere.
    std::uint64_t home(std::uint64_t session) { return light(Caller{{}, Binding{session, 0, 0}}); }
    std::uint64_t light(const Caller& caller, router::Towards towards = router::Towards::any) {
        const auto placed = gate->any_pod(caller, towards, now);
        return placed.pod ? static_cast<std::uint64_t>(placed.pod->id) : 0;
    }
};

inline std::uint64_t pod_of(const Lease& lease) {
    return lease.granted() ? static_cast<std::uint64_t>(lease.pod()->id) : 0;
}

inline Binding session(std::uint64_t id, std::uint64_t tag = 0) {
    return {id, tag, 0};
}
