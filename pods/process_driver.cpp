#include "pods/process_driver.hpp"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <map>
#include <system_error>

#include "pods/environment.hpp"
#include "pods/gpus.hpp"
#include "pods/kept.hpp"
#include "pods/ports.hpp"
#include "pods/program.hpp"

extern char** environ;

namespace pods {

namespace {

using namespace std::chrono_literals;

constexpr auto start_limit = 30s;   // from fork to exec: long only on a disk that hangs
constexpr auto keeper_limit = 10s;  // for a keeper to kill its tree, before it is killed itself

std::string seconds_since(TimePoint then) {
    char text[32];
    std::snprintf(text, sizeof text, "%.1f s", std::chrono::duration<double>(Clock::now() - then).count());
    return text;
}

std::string describe_end(const Kept& kept, TimePoint begun) {
    const std::string after = " after " + seconds_since(begun);
    if (kept.was_keeper_killed())
        return "its keeper was killed by signal " + std::to_string(kept.status() - 128) + after +
               ", and the pod with it";
    // A program may exit with 137 by itself; hardly one does.
    if (const int signal = kept.status() - 128; signal > 0 && signal < NSIG)
        return "was killed by signal " + std::to_string(signal) + " (" + ::strsignal(signal) + ")" + after;
    return "exited with status " + std::to_string(kept.status()) + after;
}

std::string not_found(const std::string& program) {
    return "cannot run '" + program + "': " + std::strerror(ENOENT) + " (neither in " + own_folder() +
           ", beside pilotlight, nor in PATH)";
}

// Empty: its program is nowhere.
std::optional<Launch> make_launch(const std::string& name, const CommandLine& line) {
    auto program = find_program(line.argv.front(), line.env);
    if (!program) return std::nullopt;
    Launch launch;
    launch.name = name;
    launch.program = std::move(*program);
    launch.argv = line.argv;
    launch.env = line.env;
    launch.working_dir = line.working_dir;
    return launch;
}

// Lets the lifeline go when the coroutine that wanted the command ends, or is cancelled.
struct LetGo {
    Kept& kept;
    ~LetGo() { kept.kill(); }
};

}  // namespace

struct ProcessDriver::Running {
    PodId id{};
    Started started;
    std::vector<std::string> dealt;  // of its GPUs, those that are ours to deal out
    std::uint16_t port = 0;
    CommandLine line;  // as it was started: what a command run in the pod is given
    TimePoint begun{};
    std::shared_ptr<Kept> kept;
    bool has_started = false;
};

struct ProcessDriver::State {
    State(asio::io_context& context, ProcessSettings given, std::filesystem::path logs)
        : io(context),
          settings(std::move(given)),
          log_dir(std::move(logs)),
          base(base_environment(environ)),
          ports(settings.first_port, settings.last_port),
          gpus(settings.gpus) {}

    void give_back(const Running& pod) {
        ports.give_back(pod.port);
        gpus.give_back(pod.dealt);
    }
    void forget(const Running& pod) {
        give_back(pod);
        pods.erase(pod.id);
    }

    asio::io_context& io;
    const ProcessSettings settings;
    const std::filesystem::path log_dir;
    const Variables base;
    Ports ports;
    Gpus gpus;
    std::map<PodId, std::shared_ptr<Running>> pods;
    std::map<PodId, std::pair<std::uint16_t, std::vector<std::string>>> promised;  // port and GPUs
    bool is_closed = false;                                                        // the driver is gone
};

ProcessDriver::ProcessDriver(asio::io_context& io, ProcessSettings settings,
                             std::filesystem::path state_dir) {
    auto logs = settings.log_dir.empty() ? state_dir / "logs" : settings.log_dir;
    std::error_code ignored;  // a pod runs without a log rather than not at all
    std::filesystem::create_directories(logs, ignored);
    state_ = std::make_shared<State>(io, std::move(settings), std::filesystem::absolute(logs, ignored));
}

ProcessDriver::~ProcessDriver() {
    state_->is_closed = true;
    for (auto& [id, pod] : state_->pods) pod->kept->kill();     // all at once,
    for (auto& [id, pod] : state_->pods) pod->kept->end_now();  // then each is waited for
}

// All that start() does before it waits. The pod's port and GPUs are taken if it answers a pod.
std::variant<std::shared_ptr<ProcessDriver::Running>, Failure> ProcessDriver::launch(State& state,
                                                                                     const PodSpec& spec) {
    const int needed = state.gpus.needed(spec.container.gpus);
    if (needed > state.gpus.free())
        return Failure{"InsufficientGPU", "a pod of " + spec.service + " needs " + std::to_string(needed) +
                                              " GPU(s), " + std::to_string(state.gpus.free()) + " of " +
                                              std::to_string(state.settings.gpus.size()) + " are free"};
    const auto port = state.ports.take();
    if (!port)
        return Failure{"NoPort", "no port is free between " + std::to_string(state.settings.first_port) +
                                     " and " + std::to_string(state.settings.last_port)};

    auto pod = std::make_shared<Running>();
    pod->id = spec.id;
    pod->port = *port;
    pod->begun = Clock::now();
    pod->started.address = {state.settings.bind_address, *port};
    pod->started.gpus = pod->dealt = *state.gpus.take(needed);
    pod->started.log_file = (state.log_dir / (spec.name + ".log")).string();
    if (auto failure = run(state, spec, *pod)) {
        state.give_back(*pod);
        return *failure;
    }
    return pod;
}

// Starts the pod's keeper. Empty: it is on its way.
std::optional<Failure> ProcessDriver::run(State& state, const PodSpec& spec, Running& pod) {
    const ImageRule* rule = find_rule(state.settings.images, spec.container.image);
    auto line = command_line(spec, rule, state.base, pod.port, pod.started.gpus);
    if (auto* failure = std::get_if<Failure>(&line)) return std::move(*failure);
    pod.line = std::move(std::get<CommandLine>(line));

    const auto launch = make_launch(spec.name, pod.line);
    if (!launch) return Failure{"FailedStart", not_found(pod.line.argv.front())};
    Launch with_log = *launch;
    with_log.log_file = pod.started.log_file;
    with_log.log_bytes = state.settings.log_bytes;
    with_log.log_files = state.settings.log_files;
    auto kept = Kept::spawn(state.io.get_executor(), with_log);
    if (auto* why = std::get_if<std::string>(&kept)) return Failure{"FailedStart", std::move(*why)};
    pod.kept = std::get<std::shared_ptr<Kept>>(std::move(kept));
    return std::nullopt;
}

asio::awaitable<std::variant<Started, Failure>> ProcessDriver::start(PodSpec spec) {
    const auto state = state_;  // `this` may be gone after the first wait
    auto launched = launch(*state, spec);
    if (auto* failure = std::get_if<Failure>(&launched)) co_return std::move(*failure);
    const auto pod = std::get<std::shared_ptr<Running>>(launched);
    state->pods.emplace(spec.id, pod);

    std::string trouble = co_await pod->kept->started(start_limit);
    Failure failed;  // named: g++ 12 destroys some temporaries of coroutines twice
    failed.reason = "FailedStart";
    if (state->is_closed) {
        failed.message = "the driver was closed";
        co_return failed;
    }
    if (trouble.empty()) {
        pod->has_started = true;
        pod->started.pid = pod->kept->pod_pid();
        asio::co_spawn(state->io, watch(this, state, pod), asio::detached);
        co_return pod->started;
    }
    pod->kept->kill();
    co_await pod->kept->end();
    if (!state->is_closed) state->forget(*pod);
    failed.message = std::move(trouble);
    co_return failed;
}

// `driver` lives as long as the state is not closed.
asio::awaitable<void> ProcessDriver::watch(ProcessDriver* driver, std::shared_ptr<State> state,
                                           std::shared_ptr<Running> pod) {
    co_await pod->kept->end();
    if (state->is_closed || pod->kept->was_released()) co_return;
    state->forget(*pod);
    const Exit exit{pod->id, pod->kept->status(), describe_end(*pod->kept, pod->begun)};
    driver->exited_(exit);
}

asio::awaitable<void> ProcessDriver::stop(PodId id, std::chrono::milliseconds grace) {
    const auto found = state_->pods.find(id);
    if (found == state_->pods.end()) co_return;
    const auto kept = found->second->kept;
    kept->terminate();
    if (co_await kept->wait_end(grace)) co_return;
    kept->kill();
    if (co_await kept->wait_end(keeper_limit)) co_return;
    kept->kill_keeper();
    while (!co_await kept->wait_end(keeper_limit)) {
    }
}

asio::awaitable<Executed> ProcessDriver::execute(PodId id, std::vector<std::string> command,
                                                 std::chrono::milliseconds limit) {
    Executed done;
    const auto found = state_->pods.find(id);
    if (found == state_->pods.end() || command.empty()) {
        done.trouble = command.empty() ? "no command is given" : "the pod is gone";
        co_return done;
    }
    const auto deadline = Clock::now() + limit;
    CommandLine line = found->second->line;
    line.argv = std::move(command);
    const auto launch = make_launch("exec", line);
    if (!launch) {
        done.trouble = not_found(line.argv.front());
        co_return done;
    }
    auto spawned = Kept::spawn(state_->io.get_executor(), *launch);
    if (auto* why = std::get_if<std::string>(&spawned)) {
        done.trouble = std::move(*why);
        co_return done;
    }
    const auto kept = std::get<std::shared_ptr<Kept>>(spawned);
    const LetGo when_cancelled{*kept};
    asio::co_spawn(state_->io, kept->end(), asio::detached);  // reaps, whatever becomes of us
    done.trouble = co_await kept->started(limit);
    if (!done.trouble.empty()) co_return done;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    if (co_await kept->wait_end(std::max(left, 0ms))) {
        done.status = kept->status();
    } else {
        done.trouble = "did not end within " + std::to_string(limit.count()) + " ms";
    }
    co_return done;
}

// --- an upgrade

void ProcessDriver::promise(PodId id, const Started& started) {
    state_->ports.adopt(started.address.port, UniqueFd());
    state_->promised[id] = {started.address.port, state_->gpus.take(started.gpus)};
}

void ProcessDriver::forget_promise(PodId id) {
    const auto found = state_->promised.find(id);
    if (found == state_->promised.end()) return;
    state_->ports.give_back(found->second.first);
    state_->gpus.give_back(found->second.second);
    state_->promised.erase(found);
}

void ProcessDriver::adopt(PodSpec spec, Handed handed) {
    forget_promise(spec.id);
    auto& state = *state_;
    const auto pod = std::make_shared<Running>();
    pod->id = spec.id;
    pod->started = std::move(handed.started);
    pod->port = pod->started.address.port;
    pod->begun = Clock::now();
    pod->has_started = true;
    state.ports.adopt(pod->port, std::move(handed.reservation));
    pod->dealt = state.gpus.take(pod->started.gpus);
    const ImageRule* rule = find_rule(state.settings.images, spec.container.image);
    auto line = command_line(spec, rule, state.base, pod->port, pod->started.gpus);
    if (auto* known = std::get_if<CommandLine>(&line)) pod->line = std::move(*known);
    pod->kept = Kept::adopt(state.io.get_executor(), std::move(handed.kept));
    state.pods[spec.id] = pod;
    asio::co_spawn(state.io, watch(this, state_, pod), asio::detached);
}

std::optional<Handed> ProcessDriver::release(PodId id) {
    const auto found = state_->pods.find(id);
    if (found == state_->pods.end() || !found->second->has_started) return std::nullopt;
    const auto pod = found->second;
    Handed handed;
    handed.kept = pod->kept->release();
    if (!handed.kept.lifeline) return std::nullopt;
    handed.started = pod->started;
    handed.reservation = state_->ports.release(pod->port);
    state_->forget(*pod);
    return handed;
}

std::vector<Listed> ProcessDriver::list() const {
    std::vector<Listed> all;
    for (const auto& [id, pod] : state_->pods) {
        if (pod->has_started) all.push_back({id, pod->started});
    }
    return all;
}

std::optional<int> ProcessDriver::room_for(const std::string&, const Container& container) const {
    const int needed = state_->gpus.needed(container.gpus);
    if (needed == 0) return std::nullopt;
    return state_->gpus.free() / needed;
}

}  // namespace pods
