#include "pods/static_driver.hpp"

#include <algorithm>

namespace pods {

std::vector<Address> StaticDriver::free_for(const std::string& service) const {
    auto addresses = settings_.pods.find(service);
    if (addresses == settings_.pods.end()) addresses = settings_.pods.find("*");
    std::vector<Address> free;
    if (addresses == settings_.pods.end()) return free;
    for (const auto& address : addresses->second) {
        const auto is_it = [&](const auto& one) { return one.second == address; };
        if (std::none_of(taken_.begin(), taken_.end(), is_it) &&
            std::none_of(promised_.begin(), promised_.end(), is_it))
            free.push_back(address);
    }
    return free;
}

asio::awaitable<std::variant<Started, Failure>> StaticDriver::start(PodSpec spec) {
    const std::string service = spec.name_space + "/" + spec.service;
    const auto free = free_for(service);
    if (free.empty()) {
        Failure failure;
        failure.reason = "NoAddress";
        failure.message = "no address is left for " + service +
                          "; add one to the Gateway manifest, under driver.static.pods: {\"" + service +
                          "\": [\"ADDRESS:PORT\"]}";
        co_return failure;
    }
    taken_[spec.id] = free.front();
    Started started;
    started.address = free.front();
    co_return started;
}

asio::awaitable<void> StaticDriver::stop(PodId pod, std::chrono::milliseconds) {
    if (taken_.erase(pod) == 0) co_return;
    Exit exit;
    exit.pod = pod;
    exit.message = "its address was given back";
    exited_(exit);
}

void StaticDriver::promise(PodId pod, const Started& started) {
    promised_[pod] = started.address;
}

void StaticDriver::forget_promise(PodId pod) {
    promised_.erase(pod);
}

void StaticDriver::adopt(PodSpec spec, Handed handed) {
    promised_.erase(spec.id);
    taken_[spec.id] = handed.started.address;
}

std::optional<Handed> StaticDriver::release(PodId pod) {
    const auto found = taken_.find(pod);
    if (found == taken_.end()) return std::nullopt;
    Handed handed;
    handed.started.address = found->second;
    taken_.erase(found);
    return handed;
}

std::vector<Listed> StaticDriver::list() const {
    std::vector<Listed> all;
    for (const auto& [id, address] : taken_) all.push_back({id, Started{address, {}, {}, 0}});
    return all;
}

std::optional<int> StaticDriver::room_for(const std::string& service, const Container&) const {
    return static_cast<int>(free_for(service).size());
}

}  // namespace pods
