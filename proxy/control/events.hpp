// What happened, for people: the last so many events, as `kubectl get events` shows them, and a line in the
// log each.
#pragma once

#include <deque>
#include <string>

#include "proxy/control/snapshot.hpp"

namespace proxy {

class Events {
public:
    void normal(const std::string& name_space, const std::string& kind, const std::string& name,
                std::string reason, std::string message);
    void warning(const std::string& name_space, const std::string& kind, const std::string& name,
                 std::string reason, std::string message);
    const std::deque<EventView>& all() const { return events_; }

private:
    static constexpr std::size_t kept = 1000;
    void add(EventView);

    std::deque<EventView> events_;
    std::uint64_t last_ = 0;
};

}  // namespace proxy
