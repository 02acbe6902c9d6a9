// Which pod a session lives on. Sessions are found by ids, "kind:value", as clients and pods name them in
// what they send. Pure.
//
// Invariants:
//   - an id is on one pod at most: the one it was bound to last
//   - never more ids, nor more octets of memory, than the bounds: the longest unseen are forgotten first
//   - on() counts those ids on a pod that were bound as somebody's home
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "router/settings.hpp"

namespace router {

// Whether an id names a client rather than one job of its: a job is where it runs, whatever happens to the
// session meanwhile.
bool names_client(std::string_view id);

class Sessions {
public:
    struct Bounds {
        std::size_t number = 100'000;
        std::size_t octets = 32u << 20;
    };
    static constexpr std::size_t longest_id = 160;   // longer ones are not kept
    static constexpr std::size_t node_octets = 192;  // what an id costs beside its own octets, about

    Sessions() : Sessions(Bounds{}) {}
    explicit Sessions(Bounds bounds) : bounds_(bounds) {}

    // The id's pod, if it has one and was seen within `timeout`; it has been seen now.
    std::optional<PodId> find(std::string_view id, TimePoint now, Duration timeout);
    // One client is known by several ids; one of them is to count as its home.
    enum class Home : unsigned char { yes, no, as_before };
    void bind(std::string_view id, PodId, TimePoint now, Home = Home::yes);
    void forget(PodId);                         // the pod is gone, and with it what its sessions had there
    void age(TimePoint now, Duration timeout);  // forgets who was not seen for so long
    int on(PodId) const;
    struct Known {
        std::string id;
        bool home = false;
    };
    std::vector<Known> of(PodId) const;  // all of its ids, longest unseen first
    std::size_t size() const { return by_id_.size(); }
    std::size_t octets() const { return octets_; }

private:
    struct Session {
        std::string id;
        PodId pod;
        TimePoint seen;
        bool home;
    };
    using Order = std::list<Session>;  // longest unseen first

    void erase(Order::iterator);
    struct Count {
        std::size_t ids = 0;
        int homes = 0;
    };
    void count(const Session&);
    void discount(const Session&);

    Bounds bounds_;
    Order order_;
    // Ordered, not hashed: clients choose ids, and could choose them to collide.
    std::map<std::string_view, Order::iterator> by_id_;
    std::map<PodId, Count> count_;
    std::size_t octets_ = 0;
};

}  // namespace router
