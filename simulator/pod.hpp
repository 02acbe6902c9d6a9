// All that one simulated pod is between requests. Plain state; the server around it has the sockets and the
// clock.
#pragma once

#include <any>
#include <boost/json.hpp>
#include <deque>
#include <memory>
#include <random>

#include "simulator/call.hpp"
#include "simulator/faults.hpp"
#include "simulator/gpu.hpp"
#include "simulator/options.hpp"
#include "simulator/service_time.hpp"
#include "simulator/startup.hpp"
#include "simulator/stats.hpp"

namespace simulator {

// How a generation is received, by --overload.
enum class Reception { queue, share, out_of_memory, crash };

class Pod {
public:
    // `start` and `epoch` are the same moment on both clocks.
    Pod(Options options, TimePoint start, std::chrono::system_clock::time_point epoch);

    const Options options;
    const Startup startup;
    Gpu gpu;
    RunLog runs;
    Faults faults;
    Stats stats;
    ServiceTime service_time;
    std::mt19937_64 random;
    boost::json::object settings;  // /sdapi/v1/options

    // Where results and uploads seem to lie, as tempfile.gettempdir() + "/gradio"; each process has its own.
    const std::string temp_dir;

    // Counted by the server.
    std::size_t connections = 0, in_flight = 0, websockets = 0, event_streams = 0;
    std::uint64_t images_made = 0;                           // since the start: memory grows with them
    std::function<void(Duration)> refuse = [](Duration) {};  // closes the port for so long
    // Runs a job behind the answer to a request of that path, whose faults it shares.
    std::function<void(Job, std::string path)> run_behind = [](Job, std::string) {};
    std::function<void()> changed = [] {};  // wakes everything that waits for a change of the pod

    // What the pod's dialect remembers, made on first use. There is one dialect in a process.
    template <class State>
    State& dialect_state() {
        if (!dialect_state_.has_value()) dialect_state_ = std::make_shared<State>();
        return *std::any_cast<std::shared_ptr<State>&>(dialect_state_);
    }

    double epoch_ms(TimePoint at) const;
    const std::string& app_id() const { return app_id_; }  // another one in each process
    double share() { return std::uniform_real_distribution<>{}(random); }

    Reception receive();  // of a generation that arrives now
    void saw_gpu();       // keeps the maxima; after every change of the GPU
    void ended(Run run);

    // The newest task ids that are done, as modules/progress.py finished_tasks.
    const std::deque<std::string>& finished() const { return finished_; }
    std::string next_task(std::string_view kind);

    // Tokens of --gradio-auth, which mean nothing to another process; the newest 1000.
    std::string new_login();
    bool knows_login(std::string_view token) const;

    // The newest results by task id, as JSON, for a page that comes back (modules/progress.py).
    void record(std::string task, std::string result);
    const std::string* recorded(std::string_view task) const;

    // Pictures that /file= serves: the newest few, in bounded memory.
    void keep_file(std::string name, std::string bytes);
    const std::string* file(std::string_view name) const;

    void reset_stats();

private:
    struct File {
        std::string name, bytes;
    };
    TimePoint start_;
    double start_ms_;
    std::deque<std::string> finished_;
    std::deque<std::pair<std::string, std::string>> recorded_;
    std::deque<std::string> logins_;
    std::deque<File> files_;
    std::size_t file_bytes_ = 0;
    std::uint64_t tasks_ = 0;
    std::string app_id_;
    std::any dialect_state_;
};

}  // namespace simulator
