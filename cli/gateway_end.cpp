// Signals, and the way out: what runs ends, then the pods, then the gateway.
#include <algorithm>
#include <boost/asio.hpp>
#include <csignal>

#include "cli/gateway.hpp"
#include "cli/logging.hpp"
#include "proxy/log.hpp"

namespace cli {

asio::awaitable<void> Gateway::handle_signals() {
    for (;;) {
        const auto [error, signal] = co_await signals_.async_wait(asio::as_tuple(asio::use_awaitable));
        if (error) co_return;
        if (signal == SIGHUP) {
            if (!draining_) reload();
        } else if (signal == SIGUSR1) {
            reopen_logs();
        } else if (signal == SIGUSR2) {
            ask_for_upgrade(
                [](const std::string& what) { log_of(proxy::LogOf::proxy).info("upgrade: {}", what); });
        } else if (!draining_) {
            draining_ = true;
            asio::co_spawn(control_, shut_down(), asio::detached);
        } else {
            log_of(proxy::LogOf::proxy).warn("told to stop again: stopping at once, what runs is cut off");
            at_once_ = true;
        }
    }
}

// No new connections, no new requests, nobody left waiting; what runs ends, then the pods, then we.
asio::awaitable<void> Gateway::shut_down() {
    using namespace std::chrono_literals;
    notify_manager("STOPPING=1");
    log_of(proxy::LogOf::proxy)
        .info(
            "shutting down; requests to finish: {} (within {} s, spec.timeouts.drain; a second signal "
            "stops at once)",
            under_way(),
            std::chrono::duration_cast<std::chrono::seconds>(configuration_.gateway.timeouts.drain).count());
    for (auto& listener : listeners_) listener->stop();
    loop_.drain();
    for (auto& worker : workers_) worker->drain();
    const auto deadline = pods::Clock::now() + configuration_.gateway.timeouts.drain;
    while (under_way() > 0 && !at_once_ && pods::Clock::now() < deadline) co_await pause(20ms);
    if (under_way() > 0)
        log_of(proxy::LogOf::proxy)
            .warn("requests cut off: {} ({})", under_way(),
                  at_once_ ? "told to stop at once" : "longer than spec.timeouts.drain");
    for (auto& worker : workers_) worker->stop();
    loop_.stop_pods(at_once_);
    const auto pods_deadline = pods::Clock::now() + 3600s;
    for (bool killed = at_once_; !loop_.pods_gone() && pods::Clock::now() < pods_deadline;) {
        if (at_once_ && !killed) loop_.stop_pods(killed = true);
        co_await pause(20ms);
    }
    end();
    log_of(proxy::LogOf::proxy).info("stopped");
}

void Gateway::end() {
    for (auto& worker : workers_) worker->stop();
    loop_.stop();
    watch_.stop();
    doors_.stop();
    guards_.stop();
    admin_->stop();
    upgrade_door_.close();
    signals_.cancel();
    done_ = true;
}

// A request whose client has left is still an errand, and one whose pod is done may still be delivered.
std::size_t Gateway::under_way() const {
    return std::max(shared_.requests.load(), shared_.errands.load());
}

asio::awaitable<void> Gateway::pause(std::chrono::milliseconds time) {
    asio::steady_timer timer(control_, time);
    co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
}

}  // namespace cli
