// Pods that somebody else runs: starting one hands out an address of the list, stopping gives it back.
#pragma once

#include <map>

#include "pods/driver.hpp"
#include "pods/settings.hpp"

namespace pods {

class StaticDriver : public Driver {
public:
    explicit StaticDriver(StaticSettings settings) : settings_(std::move(settings)) {}

    // Failure reason: NoAddress. Addresses are taken in the order of the list.
    asio::awaitable<std::variant<Started, Failure>> start(PodSpec spec) override;
    asio::awaitable<void> stop(PodId pod, std::chrono::milliseconds grace) override;
    std::vector<Listed> list() const override;

    // `service` is "namespace/name".
    std::optional<int> room_for(const std::string& service, const Container& container) const override;

private:
    std::vector<Address> free_for(const std::string& service) const;

    StaticSettings settings_;
    std::map<PodId, Address> taken_;
};

}  // namespace pods
