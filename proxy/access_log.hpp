// One line a request: JSON for programs, readable text for a terminal. Written through spdlog's asynchronous
// queue, which drops the oldest lines rather than make a request wait.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "pods/pod.hpp"
#include "proxy/generations.hpp"
#include "proxy/traffic/refusal.hpp"

namespace spdlog {
class logger;
}

namespace proxy {

struct RequestRecord {
    std::string request_id;
    std::string_view client;
    std::string_view protocol = "HTTP/1.1";  // "HTTP/1.0" is not told apart
    std::string_view method, host, target;
    std::string_view service;   // "namespace/name"; empty: none
    std::string_view key;       // the name of the key it came with; empty: none was asked for
    std::string_view trace_id;  // empty: it is not traced
    char request_class = '-';
    int status = 0;
    std::string pod;
    std::optional<Refusal> refusal;  // empty: the pod's own answer, whole
    bool waiting_page = false;       // or the page that a browser gets until there is a pod
    std::uint64_t bytes_in = 0, bytes_out = 0;
    pods::Duration queue{}, cold{}, pod_time{}, total{};
    int retries = 0;
};

class AccessLog {
public:
    AccessLog() = default;  // writes nothing
    AccessLog(std::shared_ptr<spdlog::logger> logger, bool json) : logger_(std::move(logger)), json_(json) {}
    void write(const RequestRecord&);

private:
    std::shared_ptr<spdlog::logger> logger_;
    bool json_ = true;
};

// Of a request that asked for a slot.
Generation generation(const RequestRecord&);

// The line itself; lengths are capped, control characters escaped.
std::string json_line(const RequestRecord&);
std::string text_line(const RequestRecord&);

}  // namespace proxy
