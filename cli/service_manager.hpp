// What systemd and others like it agree on with a service: sockets that were opened for it
// (sd_listen_fds(3)), and telling how it is (sd_notify(3)). Without such a manager all of this is nothing.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>
#include <vector>

#include "manifest/configuration.hpp"
#include "pods/unique_fd.hpp"

namespace cli {

class GivenSockets {
public:
    // LISTEN_FDS, if LISTEN_PID says that they are ours; the environment is cleared of them.
    static GivenSockets from_environment();
    // The one that listens there; empty: none.
    pods::UniqueFd take(const manifest::Listener&);
    // Says which ones no listener wanted, and closes them.
    void say_unused();

private:
    std::vector<pods::UniqueFd> sockets_;
};

// "READY=1", "STOPPING=1", "STATUS=..."; lines.
void notify_manager(std::string_view state);
// How often it wants to hear "WATCHDOG=1": half of WATCHDOG_USEC. Empty: not at all.
std::optional<std::chrono::microseconds> watchdog_interval();

}  // namespace cli
