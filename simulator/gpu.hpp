// The GPU of a pod and the lock in front of it: strictly first come first served, one holder, as
// modules/fifo_lock.py; only under the overload mode "slow" do several share it. Pure: the time is passed in.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "simulator/options.hpp"

namespace simulator {

enum class JobId : std::uint64_t {};

struct Work {
    Duration sampling{};  // all iterations together
    Duration decode{};    // after the last step; an interrupt does not save it
    int steps = 20;       // of one iteration
    int iterations = 1;
    bool light = false;  // holds the lock for a moment and is no generation: it has no progress and no id
};

struct Run {  // one holding of the GPU, for the record
    std::string task;
    TimePoint arrive, start, end;
    bool interrupted = false;
    bool client_gone = false;
};

struct Progress {
    std::string task;
    double share = 0;  // of the work, 0 to 1
    int step = 0, steps = 0;
    int iteration = 0, iterations = 1;
    Duration running{};
    bool interrupted = false, skipped = false;
};

class Gpu {
public:
    // Until `model_at` the holder of the lock waits for the model; a lazy one is loaded by the first job.
    Gpu(TimePoint model_at, Duration lazy_load) : model_at_(model_at), lazy_load_(lazy_load) {}

    // Joins the line and takes the lock if it is free; `shares` runs beside whoever holds it.
    JobId arrive(std::string task, Work work, TimePoint now, bool shares = false);

    // When the job's work will be over as things stand; empty: it waits for the lock.
    std::optional<TimePoint> due(JobId job) const;
    // When it has done that share of its work, the same way.
    std::optional<TimePoint> due(JobId job, double share) const;

    // Gives the lock to the next, at that very time. A job that still waits just leaves the line.
    Run leave(JobId job, TimePoint now);

    // Ends what runs at its next step border: everything, or only the iteration. While the model loads
    // nothing has begun that could hear it, and it is lost (state.begin clears the flag).
    bool interrupt(TimePoint now);
    bool skip(TimePoint now);

    std::size_t running() const;  // generations
    // Generations in line behind a generation: one that only waits for something light is as good as running.
    std::size_t waiting() const;
    std::size_t light_waiting() const;
    std::optional<Progress> progress(TimePoint now) const;  // of the oldest that runs and has begun
    std::optional<std::string> holder() const;              // its task, begun or not
    std::vector<std::string> pending() const;               // tasks in line, first first

private:
    struct Job {
        JobId id{};
        std::string task;
        Work work;
        TimePoint arrive, start;
        Duration load{};   // waiting for the model, before anything is sampled
        Duration total{};  // load, sampling and decode, less what was interrupted
        Duration done{};   // up to as_of_
        bool interrupted = false, skipped = false;
    };

    void start(Job job, TimePoint now);
    void advance(TimePoint now);  // shares out the time since as_of_
    Duration done_by(const Job& job, TimePoint now) const;
    bool cut(TimePoint now, bool whole);
    const Job* oldest() const;  // generation that runs

    std::vector<Job> running_;
    std::deque<Job> waiting_;
    TimePoint as_of_{};
    TimePoint model_at_;
    Duration lazy_load_;
    std::uint64_t last_id_ = 0;
};

// The newest runs, in bounded memory.
class RunLog {
public:
    static constexpr std::size_t most = 120'000;

    void add(Run run) {
        if (runs_.size() == most) runs_.pop_front();
        runs_.push_back(std::move(run));
    }
    void clear() { runs_.clear(); }
    const std::deque<Run>& runs() const { return runs_; }

private:
    std::deque<Run> runs_;
};

}  // namespace simulator
