#include "router/sessions.hpp"

namespace router {

bool names_client(std::string_view id) {
    return id.starts_with("session:") || id.starts_with("client:");
}

std::vector<Sessions::Known> Sessions::of(PodId pod) const {
    std::vector<Known> known;
    for (const auto& session : order_)
        if (session.pod == pod) known.push_back({session.id, session.home});
    return known;
}

std::optional<PodId> Sessions::find(std::string_view id, TimePoint now, Duration timeout) {
    auto found = by_id_.find(id);
    if (found == by_id_.end()) return std::nullopt;
    const auto session = found->second;
    if (now - session->seen > timeout) {
        erase(session);
        return std::nullopt;
    }
    session->seen = now;
    order_.splice(order_.end(), order_, session);
    return session->pod;
}

void Sessions::bind(std::string_view id, PodId pod, TimePoint now, Home home) {
    if (id.size() > longest_id || bounds_.number == 0) return;
    if (auto found = by_id_.find(id); found != by_id_.end()) {
        auto& session = *found->second;
        discount(session);
        session.pod = pod;
        session.seen = now;
        if (home != Home::as_before) session.home = home == Home::yes;
        count(session);
        order_.splice(order_.end(), order_, found->second);
        return;
    }
    const auto octets = id.size() + node_octets;
    while (!order_.empty() && (order_.size() >= bounds_.number || octets_ + octets > bounds_.octets))
        erase(order_.begin());
    const auto session = order_.insert(order_.end(), Session{std::string(id), pod, now, home == Home::yes});
    by_id_.emplace(session->id, session);
    octets_ += octets;
    count(*session);
}

void Sessions::forget(PodId pod) {
    if (!count_.contains(pod)) return;
    for (auto session = order_.begin(); session != order_.end();) {
        auto next = std::next(session);
        if (session->pod == pod) erase(session);
        session = next;
    }
}

void Sessions::age(TimePoint now, Duration timeout) {
    while (!order_.empty() && now - order_.front().seen > timeout) erase(order_.begin());
}

int Sessions::on(PodId pod) const {
    auto found = count_.find(pod);
    return found == count_.end() ? 0 : found->second.homes;
}

void Sessions::count(const Session& session) {
    auto& count = count_[session.pod];
    ++count.ids;
    count.homes += session.home;
}

void Sessions::discount(const Session& session) {
    auto found = count_.find(session.pod);
    found->second.homes -= session.home;
    if (--found->second.ids == 0) count_.erase(found);
}

void Sessions::erase(Order::iterator session) {
    discount(*session);
    octets_ -= session->id.size() + node_octets;
    by_id_.erase(session->id);
    order_.erase(session);
}

}  // namespace router
