// Waits that all end at once when anything changes; each then looks again at what it waits for.
#pragma once

#include <boost/asio.hpp>
#include <optional>
#include <set>

#include "simulator/options.hpp"

namespace simulator {

namespace asio = boost::asio;

class Bell {
public:
    explicit Bell(asio::any_io_executor executor) : executor_(std::move(executor)) {}
    Bell(const Bell&) = delete;

    asio::awaitable<void> wait(std::optional<TimePoint> until);  // empty: for the next ring only
    void ring();

private:
    asio::any_io_executor executor_;
    std::set<asio::steady_timer*> waiting_;
};

}  // namespace simulator
