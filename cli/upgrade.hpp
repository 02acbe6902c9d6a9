// The old process's side of an upgrade: starts the new binary, gives it our listening sockets, and once it
// serves, our clients and our pods, each when it is idle. Whatever goes wrong before it serves changes
// nothing here. docs/deployment.md says how it looks from outside.
#pragma once

#include <sys/types.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "cli/handover_channel.hpp"
#include "manifest/configuration.hpp"
#include "proxy/control/listener.hpp"
#include "proxy/control/loop.hpp"

namespace cli {

// What there is to hand over. All on the control thread.
struct Estate {
    boost::asio::io_context& control;
    proxy::Loop& loop;
    proxy::Shared& shared;
    std::vector<std::unique_ptr<proxy::Worker>>& workers;
    std::vector<std::unique_ptr<proxy::Listener>>& listeners;
    const std::vector<manifest::Listener>& listens_at;
    const manifest::Listener& admin_at;
    int lock;
    std::function<int()> admin_socket;
    std::function<void()> stop_admin;
    std::function<void(pods::UniqueFd)> start_admin;  // on that socket
    std::chrono::milliseconds drain;                  // how long running requests may take
};

class Upgrade : private proxy::PodTaker {
public:
    explicit Upgrade(Estate estate) : estate_(std::move(estate)) {}
    ~Upgrade();

    bool under_way() const { return under_way_; }
    bool successor_stopped() const { return successor_stopped_; }  // it was told to: so are we
    // Ends when all is handed over: empty, and this process has nothing more to do. Or why it failed: one
    // sentence, and everything is as before. `serves` is called when the new process does.
    boost::asio::awaitable<std::string> run(std::function<void(pid_t)> serves);

private:
    struct Child;
    using Lost = std::string;  // why; empty: all is well

    Lost spawn();
    HandoverMessage hello() const;
    boost::asio::awaitable<Lost> wait_for(std::string_view what, std::chrono::milliseconds limit);
    boost::asio::awaitable<Lost> settle();
    boost::asio::awaitable<Lost> finish();
    boost::asio::awaitable<void> listen_to_child();
    void pass_clients();
    void pass_client(int descriptor, std::string early, const proxy::Door&);
    void keep_client(pods::UniqueFd, std::string early, const proxy::Door&);
    void keep_everything();
    boost::asio::awaitable<void> pause(std::chrono::milliseconds);

    bool take(const proxy::OldPod&, pods::Handed&) override;
    void sessions(const std::string& pod_name, const proxy::OldSessions&) override;
    void gone(const std::string& pod_name) override;
    void tell_of_ended_pods();

    Estate estate_;
    std::shared_ptr<Child> child_;
    bool under_way_ = false;
    bool doors_passed_ = false;
    bool successor_stopped_ = false;
    std::shared_ptr<std::size_t> workers_told_;
    pods::UniqueFd admin_;
    std::set<std::string> promised_;  // pods that the new process was told of
};

// The file that this process runs, as a path that leads to another one after it was replaced.
std::string own_binary();

}  // namespace cli
