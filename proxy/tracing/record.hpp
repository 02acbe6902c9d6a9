// What is written down about a traced request, on its way and until the pod is done: plain data, which an
// export turns into spans (proxy/tracing/spans.hpp).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pods/pod.hpp"

namespace proxy {

// W3C Trace Context, Level 2.
struct TraceContext {
    std::string trace_id;    // 32 hexadecimal digits
    std::string parent_id;   // 16, the caller's span; empty: the trace begins here
    std::string tracestate;  // as it came
    std::uint8_t flags = 0;

    static constexpr std::uint8_t sampled_flag = 1, random_flag = 2;
    bool sampled() const { return (flags & sampled_flag) != 0; }
};

struct TracedWait {
    pods::TimePoint began, ended;
    pods::Duration cold{};  // of that, while no pod was ready

    bool was_cold() const { return cold > pods::Duration::zero(); }
    bool was_queued() const { return cold < ended - began; }
};

struct TracedTry {
    std::uint64_t span_id = 0;
    std::string pod, address;
    std::uint16_t port = 0;
    pods::TimePoint began, ended;
    int status = 0;           // 0: none came
    std::string_view error;   // a word; empty: none
    std::string description;  // of the error
};

struct TraceRecord {
    TraceContext context;
    std::uint64_t span_id = 0;     // of the request's own span
    std::int64_t unix_offset = 0;  // nanoseconds from the steady clock to the one of 1970
    pods::TimePoint began, ended;
    std::string request_id, method, host, path, scheme, client, user_agent;
    std::string_view protocol = "1.1";
    std::string service, key;  // "namespace/name"; the name of the key it came with
    std::string revision;
    char request_class = '-';
    int status = 0;
    std::string_view refusal;   // its label; empty: none
    bool waiting_page = false;  // a 5xx that is no failure
    std::uint64_t bytes_in = 0, bytes_out = 0;
    std::vector<TracedWait> waits;
    std::vector<TracedTry> tries;

    std::size_t spans() const {
        auto out = 1 + tries.size();
        for (const auto& one : waits)
            out += static_cast<std::size_t>(one.was_cold()) + static_cast<std::size_t>(one.was_queued());
        return out;
    }
};

}  // namespace proxy
