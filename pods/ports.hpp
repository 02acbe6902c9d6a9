// Ports for pods: each in turn, so that a port just given back rests as long as possible (the proxy's
// connections to the pod before it may still be about), and none that is in use.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>

#include "pods/unique_fd.hpp"

namespace pods {

// Whether nothing listens on this port on any address of this machine, found by binding to it. A pod may bind
// to 127.0.0.1 or to everything; without SO_REUSEADDR, so that a port in TIME_WAIT rests too.
bool is_port_free(std::uint16_t port);

// Reserves a port among all gateways of this machine, until the descriptor is closed, whoever of us dies how:
// a pod opens its port long after it was given it. Empty: another gateway has it. (An abstract socket's name:
// it belongs to the network namespace, as ports do, and leaves no file.)
UniqueFd reserve_port(std::uint16_t port);

class Ports {
public:
    Ports(std::uint16_t first, std::uint16_t last, std::function<bool(std::uint16_t)> is_free = is_port_free)
        : first_(first), last_(last), next_(first), is_free_(std::move(is_free)) {}

    std::optional<std::uint16_t> take();  // empty: all are in use
    // One that another gateway had taken, with its reservation; empty: it comes later.
    void adopt(std::uint16_t port, UniqueFd reservation) { taken_[port] = std::move(reservation); }
    UniqueFd release(std::uint16_t port) {
        const auto found = taken_.find(port);
        return found == taken_.end() ? UniqueFd() : std::move(found->second);
    }
    void give_back(std::uint16_t port) { taken_.erase(port); }

private:
    std::uint16_t first_, last_, next_;
    std::function<bool(std::uint16_t)> is_free_;
    std::map<std::uint16_t, UniqueFd> taken_;  // with its reservation
};

}  // namespace pods
