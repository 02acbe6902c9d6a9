// The gateway before this one, and the one after it: what is taken over, what is handed on, and what if not.
#include <fmt/format.h>
#include <unistd.h>

#include <boost/asio.hpp>

#include "cli/gateway.hpp"
#include "proxy/log.hpp"

namespace cli {

Heir::House Gateway::what_is_inherited() {
    return {[this](const auto& pods) {
                loop_.promise(pods);
                open_doors();
            },
            [this](const auto& pod, pods::Handed handed) { loop_.adopt(pod, std::move(handed)); },
            [this](const auto& pod_name, const auto& sessions) { loop_.settle(pod_name, sessions); },
            [this](const auto& pod_name) { loop_.gone(pod_name); },
            [this](const auto& at, pods::UniqueFd client, std::string early) {
                std::size_t index = 0;
                for (std::size_t i = 0; i < listens_at_.size(); ++i)
                    if (listens_at_[i].address == at.address && listens_at_[i].port == at.port) index = i;
                listeners_[index]->take(std::move(client), std::move(early));
            },
            [this](bool begun) {
                heir_ = nullptr;
                if (begun) return loop_.predecessor_ended();
                log_of(proxy::LogOf::proxy)
                    .warn("upgrade: given up by the gateway that runs, which goes on; this process ends");
                done_ = true;
            }};
}

Estate Gateway::what_there_is() {
    return {control_,
            loop_,
            shared_,
            workers_,
            listeners_,
            listens_at_,
            configuration_.gateway.admin,
            state_lock_.get(),
            [this] { return admin_->descriptor(); },
            [this] {
                admin_->stop();
                upgrade_door_.close();
            },
            [this](pods::UniqueFd socket) {
                make_admin(std::move(socket));
                admin_->start();
                upgrade_door_.open(state_dir_, [this](auto answer) { ask_for_upgrade(std::move(answer)); });
            },
            configuration_.gateway.timeouts.drain};
}

void Gateway::ask_for_upgrade(UpgradeDoor::Answer answer) {
    if (heir_ || draining_ || (upgrade_ && upgrade_->under_way()))
        return answer("failed: the gateway is on its way in or out; ask again when it is not");
    if (loop_.ends_foreign_pods())
        return answer(
            "failed: a pod of the gateway before this one is still ending; ask again when it is gone");
    if (::getpid() == 1)
        return answer(
            "failed: this is the first process of its container, which ends with it; replace the "
            "container");
    upgrade_ = std::make_unique<Upgrade>(what_there_is());
    asio::co_spawn(control_, hand_over(std::move(answer)), asio::detached);
}

asio::awaitable<void> Gateway::hand_over(UpgradeDoor::Answer answer) {
    bool told = false;
    const auto failed = co_await upgrade_->run([&](pid_t successor) {
        notify_manager(fmt::format("MAINPID={}", successor));
        log_of(proxy::LogOf::proxy)
            .info("upgrade: process {} serves now; requests to finish here: {}", successor, under_way());
        answer(fmt::format("ok: process {} serves now", successor));
        told = true;
    });
    if (failed.empty()) {
        if (upgrade_->successor_stopped()) {
            loop_.hand_over(nullptr);
            co_return co_await shut_down();
        }
        log_of(proxy::LogOf::proxy).info("upgrade: everything is handed over");
        co_return end();
    }
    notify_manager(fmt::format("MAINPID={}", ::getpid()));
    log_of(proxy::LogOf::proxy).error("upgrade: {}; this process goes on as before", failed);
    loop_.events().warning("", "Gateway", "pilotlight", "UpgradeFailed", failed);
    if (!told) answer("failed: " + failed);
}

}  // namespace cli
