// The loop's part in an upgrade: what it tells the next gateway, and what it takes from the one before.
#include <fmt/format.h>

#include <boost/asio.hpp>

#include "proxy/control/fingerprint.hpp"
#include "proxy/control/loop.hpp"

namespace proxy {
// --- the new gateway's side

void Loop::inherit(std::vector<OldRevision> revisions) {
    context_.frozen = true;  // until it is known which pods there are, or one would be started beside them
    for (auto& revision : revisions) old_[revision.service] = std::move(revision);
}

// A service that runs the same goes on with its revision's name and pods.
std::shared_ptr<Revision> Loop::make_revision(const manifest::Service& service, TimePoint now) {
    const auto key = key_of(service);
    auto& generation = generations_[key];
    int inherited = 0;
    bool goes_on = false;
    if (const auto old = old_.find(key); old != old_.end()) {
        generation = old->second.generation;
        goes_on = old->second.fingerprint == fingerprint(service);
        if (goes_on) inherited = old->second.pods;
        old_.erase(old);
    }
    if (!goes_on) ++generation;
    return std::make_shared<Revision>(context_, service, fmt::format("{}-{:05}", service.name, generation),
                                      now, inherited);
}

// A pod that leaves, or whose revision did not go on, ends with the old gateway. Until then it counts: its
// GPU is not free, and it is one of those that may exist at once.
void Loop::promise(const std::vector<OldPod>& pods) {
    const auto now = Clock::now();
    for (const auto& pod : pods) {
        Revision* heir = nullptr;
        for (const auto& revision : revisions_)
            if (pod.stays && pod.name.starts_with(revision->name() + "-deployment-")) heir = revision.get();
        if (heir != nullptr) {
            heir->promise(pod, now);
            continue;
        }
        const auto id = context_.next_id();
        foreign_[pod.name] = {id, pod.service, false};
        driver_.promise(id, pod.started);
    }
    context_.frozen = false;
    changed_ = true;
}

void Loop::adopt(const OldPod& pod, pods::Handed handed) {
    for (const auto& revision : revisions_)
        if (revision->adopt(pod, handed, Clock::now())) return wake();
    end_here(pod, std::move(handed));
}

// No revision here goes on with it: it ends as any other pod, and holds its GPU and its place until it has.
void Loop::end_here(const OldPod& pod, pods::Handed handed) {
    const auto found = foreign_.find(pod.name);
    const auto id = found != foreign_.end() ? found->second.id : context_.next_id();
    const auto slash = pod.service.find('/');
    pods::PodSpec spec;
    spec.id = id;
    spec.name = pod.name;
    spec.name_space = pod.service.substr(0, slash);
    spec.service = pod.service.substr(slash + 1);
    auto grace = manifest::Service{}.termination_grace;
    for (const auto& revision : revisions_)
        if (key_of(revision->settings()) == pod.service) grace = revision->settings().termination_grace;
    events_.normal(spec.name_space, "Pod", pod.name, "Killing", "Stopping the pod");
    driver_.adopt(std::move(spec), std::move(handed));
    foreign_[pod.name] = {id, pod.service, true};
    stop_foreign(id, pod.name, grace);
}

void Loop::stop_foreign(PodId id, const std::string& pod_name, std::chrono::milliseconds grace) {
    const auto stop = [](Loop& loop, PodId ended, std::string name,
                         std::chrono::milliseconds most) -> asio::awaitable<void> {
        co_await loop.driver_.stop(ended, most);
        loop.gone(name);
    };
    asio::co_spawn(io_, stop(*this, id, pod_name, grace), asio::detached);
}

void Loop::settle(const std::string& pod_name, const OldSessions& sessions) {
    for (const auto& revision : revisions_)
        if (revision->settle(pod_name, sessions, Clock::now())) return;
}

void Loop::gone(const std::string& pod_name) {
    if (const auto found = foreign_.find(pod_name); found != foreign_.end()) {
        driver_.forget_promise(found->second.id);
        foreign_.erase(found);
    }
    for (const auto& revision : revisions_)
        if (revision->gone(pod_name, Clock::now())) break;
    wake();
}

void Loop::predecessor_ended() {
    std::erase_if(foreign_, [this](const auto& entry) {
        if (!entry.second.is_here) driver_.forget_promise(entry.second.id);
        return !entry.second.is_here;
    });
    for (const auto& revision : revisions_) revision->gone("", Clock::now());
    wake();
}

// --- the old gateway's side

void Loop::freeze(bool frozen) {
    context_.frozen = frozen;
    wake();
}

bool Loop::is_settled() const {
    for (const auto& revision : revisions_)
        if (!revision->is_settled()) return false;
    return true;
}

std::vector<OldRevision> Loop::old_revisions() const {
    std::vector<OldRevision> all;
    for (const auto& revision : revisions_) {
        if (revision->retiring()) continue;
        OldRevision old;
        old.service = key_of(revision->settings());
        old.generation = generations_.at(old.service);
        old.fingerprint = fingerprint(revision->settings());
        for (const auto& pod : revision->old_pods(Clock::now())) old.pods += pod.stays;
        all.push_back(std::move(old));
    }
    return all;
}

std::vector<OldPod> Loop::old_pods() const {
    std::vector<OldPod> all;
    for (const auto& revision : revisions_)
        for (auto& pod : revision->old_pods(Clock::now())) all.push_back(std::move(pod));
    return all;
}

void Loop::hand_over(PodTaker* taker) {
    context_.taker = taker;
    context_.handing_over_since = Clock::now();
    wake();
}

void Loop::tell_sessions(PodTaker& taker) const {
    for (const auto& revision : revisions_) revision->tell_sessions(taker);
}

bool Loop::has_pods() const {
    for (const auto& revision : revisions_)
        if (revision->has_pods()) return true;
    return false;
}

void Loop::remember() {
    for (const auto& revision : revisions_) revision->remember_now();
}

}  // namespace proxy
