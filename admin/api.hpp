// A request to the admin address -> its answer. Pure: what is asked, the last snapshot and the time go in.
#pragma once

#include <boost/json/object.hpp>
#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "admin/pod_log.hpp"
#include "admin/watch.hpp"

namespace admin {

struct Request {
    std::string method, target, accept;
    std::string content_type{}, body{};
};

struct Answer {
    int status = 200;
    std::string content_type, body;
    std::string policy{};                 // Content-Security-Policy; empty: nothing may be loaded by it
    std::vector<std::string> warnings{};  // RFC 7234 section 5.5, code 299: kubectl prints them
    std::vector<std::pair<std::string, std::string>> fields{};  // further ones of its head
};

// The answer is an endless stream of lines.
struct Following {
    Watch watch;
    bool bookmarks = false;
    std::optional<std::chrono::seconds> limit;  // timeoutSeconds: then it ends
};

// The answer is a pod's log, which may go on for as long as the pod is there.
using Answered = std::variant<Answer, Following, LogWish>;

Answered answer(const Request&, const Snapshot&, const Store&, WallTime now);

Answer document(const json::object&, int status = 200);

Answer absent(const Resource&, std::string_view name);  // 404: "x" not found

// A failure as a Status object; `reason` as in Kubernetes' API conventions.
Answer refuse(int code, std::string_view reason, std::string_view message);

}  // namespace admin
