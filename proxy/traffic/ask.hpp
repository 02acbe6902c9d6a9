// Small requests of the gateway's own to a pod: is the job over, stop what you do. On a connection of their
// own, since they must get through while the pod works.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "proxy/traffic/worker.hpp"

namespace proxy {

struct Question {
    std::string method = "GET";
    std::string target;
    std::string host;           // as the pod's clients say it
    std::string authorization;  // the client's, if its request had one; empty: none
    std::string cookie{};       // likewise, without ours
    std::string body;           // JSON; empty: none
};

struct Reply {
    int status = 0;
    std::string body;  // of at most 1 MiB; what a sink took is not kept
};

// Called with the answer's content as it comes; false: enough has been heard.
using HeardEnough = std::function<bool(std::string_view)>;

// Empty: the pod did not answer, or not in time, or not in HTTP.
asio::awaitable<std::optional<Reply>> ask(Worker&, const Backend&, const Question&, TimePoint deadline,
                                          HeardEnough sink = nullptr);

}  // namespace proxy
