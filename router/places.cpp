#include "router/places.hpp"

#include <algorithm>

namespace router {

void Places::enter(Ticket ticket, std::span<const std::string> names) {
    for (const auto& name : names) {
        if (name.empty() || name.size() > longest_name) continue;
        if (auto own = by_ticket_.find(ticket); own != by_ticket_.end() && own->second.count == most_names)
            return;
        const auto [entry, added] = by_name_.try_emplace(name);
        if (!added && entry->second.ticket == ticket) continue;
        if (!added) disown(entry);
        take(entry, ticket);
    }
}

void Places::take(Names::iterator entry, Ticket ticket) {
    entry->second = {ticket};
    auto& named = by_ticket_[ticket];
    named.names[named.count++] = entry;
}

// Whoever had the name before has it no more.
void Places::disown(Names::iterator entry) {
    if (!entry->second.ticket) {
        finished_.erase(entry->second.place);
        return;
    }
    auto older = by_ticket_.find(*entry->second.ticket);
    auto& named = older->second;
    const auto end = named.names.begin() + static_cast<std::ptrdiff_t>(named.count);
    *std::find(named.names.begin(), end, entry) = *(end - 1);
    if (--named.count == 0) by_ticket_.erase(older);
}

void Places::leave(Ticket ticket, std::string_view pod, TimePoint now) {
    auto found = by_ticket_.find(ticket);
    if (found == by_ticket_.end()) return;
    for (std::size_t i = 0; i < found->second.count; ++i) {
        const auto entry = found->second.names[i];
        entry->second = {std::nullopt, std::string(pod), now, finished_.insert(finished_.end(), entry)};
        if (finished_.size() > most_finished) forget_first_finished();
    }
    by_ticket_.erase(found);
}

std::optional<Places::Found> Places::find(std::string_view name, TimePoint now) const {
    auto found = by_name_.find(name);
    if (found == by_name_.end()) return std::nullopt;
    const auto& entry = found->second;
    if (!entry.ticket && now - entry.finished_at > kept_for) return std::nullopt;
    return Found{entry.ticket, entry.pod};
}

void Places::age(TimePoint now) {
    while (!finished_.empty() && now - finished_.front()->second.finished_at > kept_for)
        forget_first_finished();
}

void Places::forget_first_finished() {
    by_name_.erase(finished_.front());
    finished_.pop_front();
}

}  // namespace router
