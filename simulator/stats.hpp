// What a pod has seen and done. Every map is bounded, since names come from outside. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace simulator {

struct Stats {
    std::uint64_t requests = 0;  // all but /stub
    std::uint64_t served = 0;    // answered to the last byte
    std::uint64_t aborted = 0;   // the client left before that
    std::uint64_t interrupts = 0;
    std::uint64_t images = 0;
    std::uint64_t connections = 0;  // accepted, all together
    std::size_t gpu_max = 0, wait_max = 0, light_wait_max = 0;
    std::size_t http_max = 0;
    std::size_t sse_max = 0;
    std::size_t ws_max = 0;
    double busy_ms = 0;           // the lock was held
    double last_activity_ms = 0;  // epoch; 0: none
    std::map<std::string, std::uint64_t, std::less<>> by_path, by_class, cookies_seen;

    static void count(std::map<std::string, std::uint64_t, std::less<>>& counts, std::string_view name);
    void saw_cookies(std::string_view header);  // counts the names in a Cookie header
};

}  // namespace simulator
