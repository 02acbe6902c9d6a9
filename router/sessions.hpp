// Which pod a session lives on. Bounded: the least recently used session is forgotten first, and a cookie
// that comes back for it says itself where it was. Pure.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <unordered_map>

#include "router/settings.hpp"

namespace router {

enum class SessionKey : std::uint64_t {};

class Sessions {
public:
    explicit Sessions(std::size_t capacity = 100'000) : capacity_(capacity) {}

    // The session's pod, if it has one and was seen within `timeout`.
    std::optional<PodId> find(SessionKey, TimePoint now, Duration timeout);
    void bind(SessionKey, PodId, TimePoint now);
    void forget(PodId);                         // the pod is gone, and with it what its sessions had there
    void age(TimePoint now, Duration timeout);  // forgets who was not seen for so long
    int on(PodId) const;
    std::size_t size() const { return by_key_.size(); }

private:
    struct Session {
        SessionKey key;
        PodId pod;
        TimePoint seen;
    };
    using Order = std::list<Session>;  // longest unseen first

    void erase(Order::iterator);

    std::size_t capacity_;
    Order order_;
    std::unordered_map<SessionKey, Order::iterator> by_key_;
    std::map<PodId, int> count_;
};

}  // namespace router
