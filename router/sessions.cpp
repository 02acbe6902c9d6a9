#include "router/sessions.hpp"

namespace router {

std::optional<PodId> Sessions::find(SessionKey key, TimePoint now, Duration timeout) {
    auto found = by_key_.find(key);
    if (found == by_key_.end()) return std::nullopt;
    const auto session = found->second;
    if (now - session->seen > timeout) {
        erase(session);
        return std::nullopt;
    }
    session->seen = now;
    order_.splice(order_.end(), order_, session);
    return session->pod;
}

void Sessions::bind(SessionKey key, PodId pod, TimePoint now) {
    if (auto found = by_key_.find(key); found != by_key_.end()) erase(found->second);
    if (order_.size() >= capacity_) erase(order_.begin());
    by_key_[key] = order_.insert(order_.end(), Session{key, pod, now});
    ++count_[pod];
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
    return found == count_.end() ? 0 : found->second;
}

void Sessions::erase(Order::iterator session) {
    if (--count_[session->pod] == 0) count_.erase(session->pod);
    by_key_.erase(session->key);
    order_.erase(session);
}

}  // namespace router
