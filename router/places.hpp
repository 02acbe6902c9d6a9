// Under which names requests can be asked for, while they wait and run, and for a while afterwards. Pure.
//
// Invariants:
//   - a name is one request's: of several that came with it, the newest one's
//   - of finished requests only the last `most_finished` names are kept, and none for longer than `kept_for`
#pragma once

#include <array>
#include <list>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include "router/line.hpp"

namespace router {

class Places {
public:
    static constexpr std::size_t most_names = 2;  // of one request; further ones are not kept
    static constexpr std::size_t longest_name = 200;
    static constexpr std::size_t most_finished = 1024;
    static constexpr Duration kept_for = std::chrono::minutes{10};

    struct Found {
        std::optional<Ticket> ticket;  // empty: finished
        std::string_view pod;          // if finished: where it ran; empty: nowhere
    };

    void enter(Ticket, std::span<const std::string> names);
    void leave(Ticket, std::string_view pod, TimePoint now);  // leaving twice is harmless
    std::optional<Found> find(std::string_view name, TimePoint now) const;
    void age(TimePoint now);
    std::size_t size() const { return by_name_.size(); }

private:
    struct Entry;
    // Ordered, not hashed: clients choose names, and could choose them to collide.
    using Names = std::map<std::string, Entry, std::less<>>;
    using Finished = std::list<Names::iterator>;  // the first to finish first
    struct Entry {
        std::optional<Ticket> ticket;
        std::string pod{};
        TimePoint finished_at{};
        Finished::iterator place{};  // if finished
    };
    struct Named {
        std::array<Names::iterator, most_names> names;
        std::size_t count = 0;
    };

    void take(Names::iterator, Ticket);
    void disown(Names::iterator);
    void forget_first_finished();

    Names by_name_;
    std::unordered_map<Ticket, Named> by_ticket_;  // those under way that have names
    Finished finished_;
};

}  // namespace router
