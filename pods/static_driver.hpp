// Pods that somebody else runs: starting one hands out an address of the list, stopping gives it back.
#pragma once

#include <map>

#include "pods/driver.hpp"
#include "pods/handover.hpp"
#include "pods/settings.hpp"

namespace pods {

class StaticDriver : public Driver {
public:
    explicit StaticDriver(StaticSettings settings) : settings_(std::move(settings)) {}

    // Failure reason: NoAddress. Addresses are taken in the order of the list.
    asio::awaitable<std::variant<Started, Failure>> start(PodSpec spec) override;
    asio::awaitable<void> stop(PodId pod, std::chrono::milliseconds grace) override;
    void promise(PodId pod, const Started& started) override;
    void forget_promise(PodId pod) override;
    void adopt(PodSpec spec, Handed handed) override;
    std::optional<Handed> release(PodId pod) override;
    std::vector<Listed> list() const override;

    // `service` is "namespace/name".
    std::optional<int> room_for(const std::string& service, const Container& container) const override;

private:
    std::vector<Address> free_for(const std::string& service) const;

    StaticSettings settings_;
    std::map<PodId, Address> taken_, promised_;
};

}  // namespace pods
