// The whole gateway, and the only place where the rooms are wired together: one control thread, which is the
// caller's of run(), and its workers.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "admin/guard.hpp"
#include "admin/server.hpp"
#include "cli/heir.hpp"
#include "cli/load.hpp"
#include "cli/objects.hpp"
#include "cli/options.hpp"
#include "cli/service_manager.hpp"
#include "cli/upgrade.hpp"
#include "cli/upgrade_request.hpp"
#include "pods/driver.hpp"
#include "proxy/control/doors.hpp"
#include "proxy/control/listener.hpp"
#include "proxy/control/loop.hpp"
#include "proxy/control/watch.hpp"
#include "proxy/tracing/exporter.hpp"

namespace cli {

namespace asio = boost::asio;

class Gateway {
public:
    // `heir`: of the gateway before this one, if there is one. Throws what is wrong with addresses,
    // certificates or the state directory.
    Gateway(ServeOptions, ReadAll, Heir* heir);
    void run();  // until it has shut down

private:
    // --- gateway.cpp
    void open_doors();
    asio::awaitable<void> feed_watchdog();
    void make_workers();
    void make_admin(pods::UniqueFd given);
    Objects::Hooks hooks();  // what the objects that come over the API ask of us
    proxy::Watch::Asks what_to_watch();
    void announce();

    // --- gateway_upgrade.cpp
    Heir::House what_is_inherited();
    Estate what_there_is();
    void ask_for_upgrade(UpgradeDoor::Answer);
    asio::awaitable<void> hand_over(UpgradeDoor::Answer);

    // --- gateway_reload.cpp
    void use_doors(const std::optional<proxy::Wrong>&);
    void use_guard(const std::optional<proxy::Wrong>&);
    static void say(const std::vector<manifest::Problem>&);
    void reload();
    void use(manifest::Configuration);

    // --- gateway_end.cpp
    asio::awaitable<void> handle_signals();
    asio::awaitable<void> shut_down();
    void end();
    std::size_t under_way() const;
    asio::awaitable<void> pause(std::chrono::milliseconds);

    ServeOptions options_;
    manifest::Configuration configuration_;
    std::filesystem::path state_dir_;
    Heir* heir_;  // as long as the gateway before this one is there
    GivenSockets given_ = GivenSockets::from_environment();
    pods::UniqueFd state_lock_;
    asio::io_context control_{1};
    proxy::AccessLog access_log_;
    proxy::Shared shared_;
    proxy::TraceExporter traces_;
    std::unique_ptr<pods::Driver> driver_;
    proxy::Loop loop_;
    std::size_t connection_limit_;
    proxy::Watch watch_;
    std::vector<std::unique_ptr<proxy::Worker>> workers_;
    proxy::Doors doors_;
    admin::Guards guards_;
    std::vector<std::unique_ptr<proxy::Listener>> listeners_;
    std::vector<manifest::Listener> listens_at_;  // as they were at the start
    manifest::Listener admin_at_;                 // likewise
    std::unique_ptr<admin::Server> admin_;
    asio::signal_set signals_;
    UpgradeDoor upgrade_door_;
    std::unique_ptr<Upgrade> upgrade_;
    Objects objects_;
    bool draining_ = false;
    bool at_once_ = false;
    bool done_ = false;
};

}  // namespace cli
