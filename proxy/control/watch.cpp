#include "proxy/control/watch.hpp"

#include <malloc.h>

#include <boost/asio.hpp>

#include "proxy/bounds/descriptors.hpp"
#include "proxy/bounds/memory_used.hpp"
#include "proxy/bounds/reserve.hpp"

namespace proxy {

Watch::Watch(asio::io_context& io, Bounds& bounds, Asks asks)
    : bounds_(bounds), asks_(std::move(asks)), timer_(io) {}

void Watch::start() {
    look();
}

void Watch::stop() {
    stopped_ = true;
    timer_.cancel();
}

void Watch::look() {
    EmergencyMemory::refill();
    const auto now = pods::Clock::now();
    seen_ = measure(now);
    const auto before = level_.level();
    const auto level = level_.update(seen_, now);
    bounds_.load = level;
    if (level != before) asks_.tell(level, in_words(seen_));
    act(now);
    arm();
}

void Watch::arm() {
    MustNotFail clock;
    timer_.expires_after(every);
    timer_.async_wait([this](boost::system::error_code error) {
        if (!error && !stopped_) look();
    });
}

// The system's count is the truth but for what was freed and lies in the allocator: before that counts, it is
// given back.
LoadSeen Watch::measure(pods::TimePoint now) {
    auto seen = asks_.look();
    auto resident = resident_memory();
    const auto accounted = seen.memory;
    const auto needs = [&](std::uint64_t memory) {
        seen.memory = memory;
        return seen.memory_share() >= LoadLevel::enter[1] - LoadLevel::calmer;
    };
    if (needs(resident) && !needs(accounted) && now - trimmed_at_ >= trim_every) {
        ::malloc_trim(0);
        trimmed_at_ = now;
        resident = resident_memory();
    }
    seen.memory = std::max(resident, accounted);
    return seen;
}

// What was shed shows after a moment only: once a second, and only while it is as bad as that, not for as
// long as the level lasts.
void Watch::act(pods::TimePoint now) {
    const auto shortages = descriptors().shortages();
    const bool short_of_descriptors = std::exchange(shortages_, shortages) != shortages;
    if (short_of_descriptors || level_.level() >= Load::no_keep_alive) asks_.shed_idle(idle_at_a_time);
    const bool as_bad = seen_.memory_share() >= LoadLevel::enter[static_cast<std::size_t>(Load::shed_queue)];
    if (as_bad && now - shed_at_ >= shed_every) {
        shed_at_ = now;
        bounds_.queue_shed.fetch_add(asks_.shed_queue(), std::memory_order_relaxed);
    }
}

}  // namespace proxy
