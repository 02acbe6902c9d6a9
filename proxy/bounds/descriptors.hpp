// Who may have which of the process's descriptors. The kernel gives out the lowest free number, so the number
// says how many are taken: what traffic opens above its ceiling it gives back at once, as if there had been
// none. What is above stays for the admin address, logs and pods' processes, whatever clients do.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>

namespace proxy {

struct DescriptorPlan {
    std::size_t allowed = 0;      // RLIMIT_NOFILE
    std::size_t for_clients = 0;  // their connections are taken below it
    std::size_t for_traffic = 0;  // connections to pods and temporary files below that
    std::size_t connections = 0;  // of clients, at most: as configured, or what can be afforded
};

// Pure.
DescriptorPlan plan_descriptors(std::size_t allowed, std::size_t connections);
std::string describe(const DescriptorPlan&, std::size_t connections);  // empty: nothing is amiss

// RLIMIT_NOFILE is the process's, and so is this. Before set_plan() there is no ceiling.
class Descriptors {
public:
    void set_plan(const DescriptorPlan&);
    // False: give it back. That is counted.
    bool for_clients(int descriptor) { return below(clients_, descriptor); }
    bool for_traffic(int descriptor) { return below(traffic_, descriptor); }
    void note_shortage() { shortages_.fetch_add(1, std::memory_order_relaxed); }  // the system's own word
    std::uint64_t shortages() const { return shortages_.load(std::memory_order_relaxed); }

private:
    bool below(const std::atomic<int>& ceiling, int descriptor) {
        const bool good = descriptor < ceiling.load(std::memory_order_relaxed);
        if (!good) note_shortage();
        return good;
    }

    std::atomic<int> clients_{std::numeric_limits<int>::max()}, traffic_{std::numeric_limits<int>::max()};
    std::atomic<std::uint64_t> shortages_{0};
};

Descriptors& descriptors();

// The limit that this process runs under, raised to what the system allows.
std::size_t raise_descriptor_limit();

}  // namespace proxy
