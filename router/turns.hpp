// Fair turns between keys: who waits, by whose key he came. A pool has one only while requests with keys are
// in it. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "router/line.hpp"

namespace router {

enum class Key : std::uint64_t {};  // whose request it is; 0: nobody's in particular

class Turns {
public:
    struct Share {
        std::size_t limit = 0;  // of slots at a time; 0: none
        std::size_t running = 0;
        std::uint64_t last_turn = 0;  // the greater the later; 0: none since it came
        Line unbound{};
        std::map<PodId, Line> bound{};  // those who wait for their own pod; no line is empty
        std::size_t waiting = 0;

        bool at_limit() const { return limit > 0 && running >= limit; }
    };

    void set_limit(Key key, std::size_t limit) { shares_[key].limit = limit; }
    void wait(Key, Ticket, const std::optional<PodId>& bound);
    void stop_waiting(Key, Ticket, const std::optional<PodId>& bound);
    void begin(Key);                                  // a slot
    void resume(Key key) { ++shares_[key].running; }  // one that it held before there were turns
    void end(Key);

    const std::map<Key, Share>& shares() const { return shares_; }
    std::size_t waiting(Key) const;
    bool at_limit(Key) const;
    // Of those who wait: the key's own that came before, and of every other key as many as have their turn
    // meanwhile. For one who waits for his own pod only those count who may take that one's slot.
    std::size_t ahead(Key, Ticket, const std::optional<PodId>& bound) const;

private:
    void forget_if_over(Key);

    std::map<Key, Share> shares_;  // of keys that have anything here: as many as requests at most
    std::uint64_t turns_ = 0;
};

}  // namespace router
