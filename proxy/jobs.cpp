#include "proxy/jobs.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>

namespace proxy {

std::shared_ptr<Jobs::Job> Jobs::begin(asio::io_context& io, std::string event, std::string session) {
    auto job = std::make_shared<Job>(io);
    const std::lock_guard lock(mutex_);
    job->over = ended_.contains(event);
    job->event = std::move(event);
    job->session = std::move(session);
    jobs_.push_back(job);
    return job;
}

void Jobs::forget(const std::shared_ptr<Job>& job) {
    const std::lock_guard lock(mutex_);
    std::erase(jobs_, job);
}

bool Jobs::over(const Job& job) const {
    const std::lock_guard lock(mutex_);
    return job.over;
}

bool Jobs::watched(const Job& job) const {
    const std::lock_guard lock(mutex_);
    return streams_.contains(job.session);
}

void Jobs::opened(std::string_view session) {
    const std::lock_guard lock(mutex_);
    ++streams_.try_emplace(std::string(session)).first->second;
    for (const auto& job : jobs_)
        if (job->session == session) ring(job);
}

void Jobs::closed(std::string_view session) {
    const std::lock_guard lock(mutex_);
    const auto found = streams_.find(session);
    if (found == streams_.end()) return;
    if (--found->second == 0) streams_.erase(found);
    for (const auto& job : jobs_)
        if (job->session == session) ring(job);
}

void Jobs::ended(std::string_view event) {
    const std::lock_guard lock(mutex_);
    if (ended_.emplace(event).second) {
        ended_order_.emplace_back(event);
        if (ended_order_.size() > remembered) {
            ended_.erase(ended_order_.front());
            ended_order_.pop_front();
        }
    }
    for (const auto& job : jobs_)
        if (job->event == event && !std::exchange(job->over, true)) ring(job);
}

bool Jobs::pending(std::string_view session) const {
    const std::lock_guard lock(mutex_);
    return std::any_of(jobs_.begin(), jobs_.end(),
                       [&](const auto& job) { return job->session == session && !job->over; });
}

// On its own thread: a wait that starts between two looks at the answers ends too.
void Jobs::ring(const std::shared_ptr<Job>& job) {
    asio::post(job->alarm.get_executor(), [job] { job->alarm.expires_at(TimePoint::min()); });
}

}  // namespace proxy
