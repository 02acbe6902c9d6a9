// One POST to a collector, on a connection of its own.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <string>
#include <utility>
#include <vector>

#include "manifest/configuration.hpp"

namespace proxy {

namespace asio = boost::asio;

struct CollectorAnswer {
    int status = 0;     // 0: none
    std::string error;  // why none
    std::string retry_after, body;
};

struct CollectorPost {
    manifest::Collector to;
    std::vector<std::pair<std::string, std::string>> headers;
    std::filesystem::path ca_file;  // empty: the system's
    std::chrono::milliseconds timeout{};
    std::string body;
};

asio::awaitable<CollectorAnswer> post(const CollectorPost&);

}  // namespace proxy
