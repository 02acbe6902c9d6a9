// Runs the probes of one pod (probe_state.hpp says when) and tells what they find.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "pods/container.hpp"
#include "pods/probe_action.hpp"
#include "pods/second_stage.hpp"

namespace pods {

// All on one thread, the executor's. Destruction cancels what runs: no callback comes after it, and a
// callback may destroy the prober that calls it.
class Prober {
public:
    struct Events {
        std::function<void()> on_ready;
        std::function<void(std::string why)> on_unready;
        std::function<void(std::string why)> on_unhealthy;  // to be replaced; nothing is probed any more
        std::function<void(std::string what)> on_notice;    // one sentence for people, just before on_ready
    };

    // Begins at once, with the pod's process taken to have begun now.
    Prober(asio::any_io_executor executor, Address address, const Container& container, Execute execute,
           Events events, std::optional<SecondStage> stage = {});
    ~Prober();
    Prober(const Prober&) = delete;
    Prober& operator=(const Prober&) = delete;

    // Asks now whether a ready pod still is: on_ready or on_unready follows. Before its first readiness:
    // nothing.
    void recheck();

    bool is_ready() const;
    std::optional<TimePoint> opened() const;  // when its port was seen open; empty: no second stage asked
    const std::string& last_failure() const;  // of any probe so far, in one sentence; empty: none

private:
    struct Running;
    std::shared_ptr<Running> running_;  // shared with its coroutines
};

}  // namespace pods
