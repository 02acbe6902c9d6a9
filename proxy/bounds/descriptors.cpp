#include "proxy/bounds/descriptors.hpp"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>

namespace proxy {

DescriptorPlan plan_descriptors(std::size_t allowed, std::size_t connections) {
    DescriptorPlan plan;
    plan.allowed = allowed;
    const auto reserve = std::min(allowed / 2, std::clamp<std::size_t>(allowed / 8, 32, 256));
    plan.for_traffic = allowed - reserve;
    plan.for_clients = plan.for_traffic * 3 / 4;  // each may need a second one, towards a pod
    plan.connections = std::clamp<std::size_t>(connections, 1, std::max<std::size_t>(1, plan.for_clients));
    return plan;
}

std::string describe(const DescriptorPlan& plan, std::size_t connections) {
    if (plan.connections >= connections && connections <= plan.for_traffic / 2) return {};
    if (plan.connections < connections)
        return fmt::format(
            "{} descriptors are allowed (ulimit -n): at most {} connections are accepted, not {}, and {} "
            "descriptors are kept for pods, logs and the admin address",
            plan.allowed, plan.connections, connections, plan.allowed - plan.for_clients);
    return fmt::format(
        "{} descriptors are allowed (ulimit -n): with limits.connections ({}) and a connection to a pod for "
        "each of them {} would be needed",
        plan.allowed, connections, 2 * connections + (plan.allowed - plan.for_traffic));
}

void Descriptors::set_plan(const DescriptorPlan& plan) {
    constexpr std::size_t most = std::numeric_limits<int>::max();
    clients_ = static_cast<int>(std::min(plan.for_clients, most));
    traffic_ = static_cast<int>(std::min(plan.for_traffic, most));
}

Descriptors& descriptors() {
    static Descriptors of_the_process;
    return of_the_process;
}

std::size_t raise_descriptor_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
    const auto before = limit.rlim_cur;
    limit.rlim_cur = limit.rlim_max;
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) limit.rlim_cur = before;
    return static_cast<std::size_t>(limit.rlim_cur);
}

}  // namespace proxy
