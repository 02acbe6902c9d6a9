#include "router/turns.hpp"

#include <algorithm>

namespace router {

void Turns::wait(Key key, Ticket ticket, const std::optional<PodId>& bound) {
    auto& share = shares_[key];
    (bound ? share.bound[*bound] : share.unbound).insert(ticket);
    ++share.waiting;
}

void Turns::stop_waiting(Key key, Ticket ticket, const std::optional<PodId>& bound) {
    auto& share = shares_.at(key);
    if (bound) {
        const auto line = share.bound.find(*bound);
        line->second.erase(ticket);
        if (line->second.empty()) share.bound.erase(line);
    } else {
        share.unbound.erase(ticket);
    }
    --share.waiting;
    forget_if_over(key);
}

void Turns::begin(Key key) {
    auto& share = shares_[key];
    ++share.running;
    share.last_turn = ++turns_;
}

void Turns::end(Key key) {
    --shares_.at(key).running;
    forget_if_over(key);
}

// Whoever comes back later is new: those who waited meanwhile have had their turn.
void Turns::forget_if_over(Key key) {
    const auto found = shares_.find(key);
    if (found->second.waiting == 0 && found->second.running == 0) shares_.erase(found);
}

std::size_t Turns::waiting(Key key) const {
    const auto found = shares_.find(key);
    return found == shares_.end() ? 0 : found->second.waiting;
}

bool Turns::at_limit(Key key) const {
    const auto found = shares_.find(key);
    return found != shares_.end() && found->second.at_limit();
}

std::size_t Turns::ahead(Key key, Ticket ticket, const std::optional<PodId>& bound) const {
    const auto count = [&](const Share& share, auto how_many) {
        std::size_t sum = how_many(share.unbound);
        for (const auto& [pod, line] : share.bound)
            if (!bound || pod == *bound) sum += how_many(line);
        return sum;
    };
    const auto own = count(shares_.at(key), [&](const Line& line) { return line.before(ticket); });
    std::size_t ahead = own;
    for (const auto& [other, share] : shares_)
        if (other != key)
            ahead += std::min(own + 1, count(share, [](const Line& line) { return line.size(); }));
    return ahead;
}

}  // namespace router
