#include "simulator/gpu.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace simulator {

JobId Gpu::arrive(std::string task, Work work, TimePoint now, bool shares) {
    advance(now);
    Job job;
    job.id = JobId{++last_id_};
    job.task = std::move(task);
    job.work = work;
    job.work.steps = std::max(1, work.steps);
    job.work.iterations = std::max(1, work.iterations);
    job.arrive = now;
    const JobId id = job.id;
    if (running_.empty() || shares)
        start(std::move(job), now);
    else
        waiting_.push_back(std::move(job));
    return id;
}

void Gpu::start(Job job, TimePoint now) {
    job.start = now;
    job.load = std::max(Duration::zero(), model_at_ - now);
    if (!job.work.light) job.load += std::exchange(lazy_load_, Duration::zero());
    job.total = job.load + job.work.sampling + job.work.decode;
    running_.push_back(std::move(job));
}

Duration Gpu::done_by(const Job& job, TimePoint now) const {
    const Duration share =
        std::max(Duration::zero(), now - as_of_) / static_cast<Duration::rep>(running_.size());
    return std::min(job.total, job.done + share);
}

void Gpu::advance(TimePoint now) {
    for (Job& job : running_) job.done = done_by(job, now);
    as_of_ = std::max(as_of_, now);
}

std::optional<TimePoint> Gpu::due(JobId id) const {
    return due(id, 1);
}

std::optional<TimePoint> Gpu::due(JobId id, double share) const {
    for (const Job& job : running_) {
        if (job.id != id) continue;
        const auto left =
            share >= 1
                ? job.total - job.done
                : job.load - job.done + std::chrono::duration_cast<Duration>((job.total - job.load) * share);
        return as_of_ + std::max(Duration::zero(), left) * static_cast<Duration::rep>(running_.size());
    }
    return std::nullopt;
}

Run Gpu::leave(JobId id, TimePoint now) {
    advance(now);
    const auto is_it = [id](const Job& job) { return job.id == id; };
    Run run;
    if (const auto it = std::ranges::find_if(running_, is_it); it != running_.end()) {
        run = Run{std::move(it->task), it->arrive, it->start, now, it->interrupted};
        running_.erase(it);
    } else if (const auto in_line = std::ranges::find_if(waiting_, is_it); in_line != waiting_.end()) {
        run = Run{std::move(in_line->task), in_line->arrive, now, now, false};
        waiting_.erase(in_line);
    }
    if (running_.empty() && !waiting_.empty()) {
        Job next = std::move(waiting_.front());
        waiting_.pop_front();
        start(std::move(next), now);
    }
    return run;
}

bool Gpu::interrupt(TimePoint now) {
    return cut(now, true);
}
bool Gpu::skip(TimePoint now) {
    return cut(now, false);
}

bool Gpu::cut(TimePoint now, bool whole) {
    advance(now);
    bool heard = false;
    for (Job& job : running_) {
        if (job.work.light || job.done < job.load || job.interrupted) continue;
        const Work& work = job.work;
        const Duration step = work.sampling / (work.steps * work.iterations);
        if (step <= Duration::zero()) continue;
        const auto sampled = std::min(job.done - job.load, work.sampling);
        const auto next_border = static_cast<int>(sampled / step) + 1;
        const auto iteration_end = (next_border + work.steps - 1) / work.steps * work.steps;
        const int last = work.steps * work.iterations;
        const int saved = std::max(0, (whole ? last : std::min(iteration_end, last)) - next_border);
        const Duration earliest = job.load + step * next_border + work.decode;
        job.total = std::min(job.total, whole ? earliest : std::max(earliest, job.total - step * saved));
        (whole ? job.interrupted : job.skipped) = true;
        heard = true;
    }
    return heard;
}

std::optional<Progress> Gpu::progress(TimePoint now) const {
    const Job* found = oldest();
    if (!found) return std::nullopt;
    const Job& job = *found;
    const Duration done = done_by(job, now);
    if (done < job.load) return std::nullopt;
    const auto whole = std::max(job.total - job.load, Duration{1});
    Progress progress;
    progress.task = job.task;
    progress.share = static_cast<double>((done - job.load).count()) / static_cast<double>(whole.count());
    progress.steps = job.work.steps;
    progress.iterations = job.work.iterations;
    const Duration step = std::max(job.work.sampling / (job.work.steps * job.work.iterations), Duration{1});
    const int last = job.work.steps * job.work.iterations;
    const int steps_done = static_cast<int>(std::min<Duration::rep>((done - job.load) / step, last));
    progress.iteration = std::min(steps_done / job.work.steps, job.work.iterations - 1);
    progress.step = steps_done - progress.iteration * job.work.steps;
    progress.running = now - job.start - job.load;
    progress.interrupted = job.interrupted;
    progress.skipped = job.skipped;
    return progress;
}

std::optional<std::string> Gpu::holder() const {
    if (const Job* job = oldest()) return job->task;
    return std::nullopt;
}

const Gpu::Job* Gpu::oldest() const {
    for (const Job& job : running_)
        if (!job.work.light) return &job;
    return nullptr;
}

std::size_t Gpu::running() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(running_, [](const Job& j) { return !j.work.light; }));
}

std::size_t Gpu::light_waiting() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(waiting_, [](const Job& j) { return j.work.light; }));
}

std::size_t Gpu::waiting() const {
    const std::size_t in_line = waiting_.size() - light_waiting();
    return in_line - (running() == 0 && in_line > 0 ? 1 : 0);
}

std::vector<std::string> Gpu::pending() const {
    std::vector<std::string> tasks;
    for (const Job& job : waiting_)
        if (!job.work.light) tasks.push_back(job.task);
    return tasks;
}

}  // namespace simulator
