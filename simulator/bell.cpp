#include "simulator/bell.hpp"

namespace simulator {

asio::awaitable<void> Bell::wait(std::optional<TimePoint> until) {
    asio::steady_timer alarm(executor_, until.value_or(TimePoint::max()));
    waiting_.insert(&alarm);
    co_await alarm.async_wait(asio::as_tuple(asio::use_awaitable));
    waiting_.erase(&alarm);
}

void Bell::ring() {
    for (asio::steady_timer* alarm : waiting_) alarm->expires_at(TimePoint::min());
}

}  // namespace simulator
