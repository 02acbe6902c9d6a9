// One attempt of a probe against a real pod.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "pods/container.hpp"
#include "pods/driver.hpp"
#include "pods/pod.hpp"

namespace pods {

// Runs a command in the pod, e.g. by Driver::execute.
using Execute = std::function<asio::awaitable<Executed>(std::vector<std::string>, std::chrono::milliseconds)>;

// Where a pod is, and how its manifest calls its port: a probe of `container_port` goes to `address`.
struct ProbeTarget {
    Address address;
    std::uint16_t container_port = 0;
    Execute execute;  // empty: exec probes fail
};

// Empty: passed. Else what went wrong, in one sentence.
//   tcpSocket: something accepts the connection.
//   httpGet: a status from 200 to 399, redirects not followed; of the body at most 10 KiB are read, and
//   ignored. exec: ends with status 0 within `timeout`.
// Cancellation (terminal) ends it; then the answer means nothing.
asio::awaitable<std::string> attempt(ProbeTarget target, Probe probe);

// The second stage's question (second_stage.hpp), an httpGet: passes with any answer but "not mounted".
asio::awaitable<std::string> attempt_mounted(ProbeTarget target, Probe probe);

}  // namespace pods
