// Made-up snapshots, and an admin server in this process that shows them.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "admin/server.hpp"
#include "proxy/control/snapshot.hpp"

namespace world {

using proxy::Snapshot;

inline constexpr std::chrono::seconds patience{
    30};  // far beyond anything that happens; only a hang reaches it

template <class Condition>
bool eventually(Condition condition) {
    using Clock = std::chrono::steady_clock;
    for (const auto give_up = Clock::now() + patience; Clock::now() < give_up; std::this_thread::yield())
        if (condition()) return true;
    return false;
}

proxy::WallTime noon();  // when everything here was made

proxy::PodView pod(const std::string& name, pods::Phase, bool ready);
proxy::RevisionView revision(const std::string& service, int generation);
proxy::EventView event(std::uint64_t number, const std::string& reason);

// Version 1: one service, one revision, two pods (one ready), one event.
Snapshot small();

class Gateway {
public:
    explicit Gateway(Snapshot, admin::Settings = {});
    ~Gateway();

    void publish(Snapshot);  // returns when watchers were told
    void stop();
    std::size_t connections();
    std::uint16_t port() const { return port_; }
    std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

private:
    void on_loop(const std::function<void()>&);

    boost::asio::io_context io_{1};
    std::shared_ptr<const Snapshot> last_;
    admin::Server server_;
    std::uint16_t port_;
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
    std::thread thread_;
};

}  // namespace world
