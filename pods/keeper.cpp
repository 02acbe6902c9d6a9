#include "pods/keeper.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string>

#include "pods/launch.hpp"
#include "pods/log_file.hpp"
#include "pods/pipe.hpp"
#include "pods/process_tree.hpp"
#include "pods/unique_fd.hpp"

namespace pods {

namespace {

constexpr int exec_failed = 127;         // as shells say it
constexpr int kill_again_after_ms = 20;  // between two looks at what is still to be killed
constexpr std::size_t chunk = 64 << 10;  // of output, the capacity of a pipe

std::optional<Launch> read_launch(int fd) {
    std::string text;
    std::array<char, 4096> buffer;
    for (;;) {
        const auto size = ::read(fd, buffer.data(), buffer.size());
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) return std::nullopt;
        if (size == 0) return decode_launch(text);
        text.append(buffer.data(), static_cast<std::size_t>(size));
    }
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
    std::vector<char*> out;
    for (const auto& text : texts) out.push_back(const_cast<char*>(text.c_str()));
    out.push_back(nullptr);
    return out;
}

enum class Step : int { working_dir, exec };

struct Trouble {
    Step step;
    int error;
};

std::string describe(const Trouble& trouble, const Launch& launch) {
    const std::string why = std::strerror(trouble.error);
    if (trouble.step == Step::working_dir)
        return "cannot enter the working directory '" + launch.working_dir + "': " + why;
    const std::string where =
        launch.working_dir.empty() ? "" : " (working directory " + launch.working_dir + ")";
    return "cannot run '" + launch.argv.front() + "': " + why + where;
}

// In the forked child: becomes the pod, or writes to `trouble` why not.
[[noreturn]] void become_pod(const Launch& launch, pid_t keeper, int output, int trouble) {
    const auto fail = [&](Step step) {
        const Trouble told{step, errno};
        [[maybe_unused]] const auto written = ::write(trouble, &told, sizeof told);
        ::_exit(exec_failed);
    };
    ::setsid();
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != keeper) ::_exit(exec_failed);  // it died before the line above
    ::dup2(output, STDOUT_FILENO);                    // stdin is /dev/null already
    ::dup2(output, STDERR_FILENO);
    for (int signal = 1; signal < NSIG; ++signal) ::signal(signal, SIG_DFL);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    if (!launch.working_dir.empty() && ::chdir(launch.working_dir.c_str()) != 0) fail(Step::working_dir);
    ::execve(launch.program.c_str(), pointers(launch.argv).data(), pointers(launch.env).data());
    fail(Step::exec);
    ::_exit(exec_failed);
}

class Keeper {
public:
    explicit Keeper(Launch launch)
        : launch_(std::move(launch)), log_(launch_.log_file, launch_.log_bytes, launch_.log_files) {}

    int run() {
        if (!prepare())
            return report("failed the keeper could not be set up: " + std::string(std::strerror(errno)));
        if (auto why = start()) return report("failed " + *why);
        tell("started " + std::to_string(pod_));
        while (!reap()) turn();
        copy_rest();
        const int status = WIFSIGNALED(status_) ? 128 + WTERMSIG(status_) : WEXITSTATUS(status_);
        tell("ended " + std::to_string(status));
        return status;
    }

private:
    bool prepare() {
        for (int fd : {keeper_lifeline, keeper_report, keeper_launch}) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
        ::close(keeper_launch);
        sigset_t ours;
        ::sigemptyset(&ours);
        for (int signal : {SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGQUIT}) ::sigaddset(&ours, signal);
        if (::sigprocmask(SIG_BLOCK, &ours, nullptr) != 0) return false;
        ::signal(SIGPIPE, SIG_IGN);
        signals_ = UniqueFd(::signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK));
        output_ = make_pipe();
        return signals_ && output_.in && ::prctl(PR_SET_CHILD_SUBREAPER, 1) == 0;
    }

    // Empty: the pod runs. A pipe that exec closes tells.
    std::optional<std::string> start() {
        Pipe trouble = make_pipe();
        const pid_t keeper = ::getpid();
        pod_ = trouble.in ? ::fork() : -1;
        if (pod_ < 0) return "cannot make a process: " + std::string(std::strerror(errno));
        if (pod_ == 0) become_pod(launch_, keeper, output_.out.get(), trouble.out.get());
        trouble.out.reset();
        output_.out.reset();
        ::fcntl(output_.in.get(), F_SETFL, O_NONBLOCK);
        Trouble told{};
        ssize_t size;
        do size = ::read(trouble.in.get(), &told, sizeof told);
        while (size < 0 && errno == EINTR);
        if (size != sizeof told) return std::nullopt;
        ::waitpid(pod_, nullptr, 0);
        return describe(told, launch_);
    }

    void tell(std::string line) {
        line += '\n';
        [[maybe_unused]] const auto written = ::write(keeper_report, line.data(), line.size());
    }

    int report(const std::string& text) {
        tell(text);
        return exec_failed;
    }

    // True: nothing is left to wait for. Else, if what is left has to die, it is told so.
    bool reap() {
        for (;;) {
            int status = 0;
            const pid_t ended = ::waitpid(-1, &status, WNOHANG);
            if (ended == 0) break;
            if (ended < 0 && errno == EINTR) continue;
            if (ended < 0) return true;
            if (ended != pod_) continue;
            status_ = status;
            if (!was_asked_) is_killing_ = true;
        }
        if (is_killing_) signal_tree(SIGKILL);
        return false;
    }

    void turn() {
        std::array<pollfd, 3> fds{pollfd{signals_.get(), POLLIN, 0},
                                  pollfd{lifeline_is_open_ ? keeper_lifeline : -1, POLLIN, 0},
                                  pollfd{output_.in.get(), POLLIN, 0}};
        if (::poll(fds.data(), fds.size(), is_killing_ ? kill_again_after_ms : -1) <= 0) return;
        if (fds[0].revents) take_signals();
        if (fds[1].revents) watch_lifeline();
        if (fds[2].revents && !copy_output()) output_.in.reset();
    }

    void take_signals() {
        signalfd_siginfo info{};
        while (::read(signals_.get(), &info, sizeof info) == sizeof info) {
            if (info.ssi_signo != SIGTERM)
                continue;  // SIGCHLD is reap()'s; the others are the gateway's to answer
            was_asked_ = true;
            signal_tree(SIGTERM);
        }
    }

    // Nothing is ever written to it: readable means closed.
    void watch_lifeline() {
        char octet;
        if (::read(keeper_lifeline, &octet, 1) > 0) return;
        lifeline_is_open_ = false;
        is_killing_ = true;
    }

    void signal_tree(int signal) { signal_groups(descendants(all_processes(), ::getpid()), signal); }

    // False: nobody can write any more.
    bool copy_output() {
        const auto size = ::read(output_.in.get(), buffer_.data(), buffer_.size());
        if (size > 0) log_.write({buffer_.data(), static_cast<std::size_t>(size)});
        return size > 0 || (size < 0 && (errno == EAGAIN || errno == EINTR));
    }

    void copy_rest() {
        if (!output_.in) return;
        ssize_t size;
        while ((size = ::read(output_.in.get(), buffer_.data(), buffer_.size())) > 0)
            log_.write({buffer_.data(), static_cast<std::size_t>(size)});
    }

    Launch launch_;
    LogFile log_;
    UniqueFd signals_;
    Pipe output_;
    pid_t pod_ = -1;
    int status_ = 0;
    bool was_asked_ = false;   // SIGTERM was passed on
    bool is_killing_ = false;  // whatever is left dies
    bool lifeline_is_open_ = true;
    std::array<char, chunk> buffer_;
};

}  // namespace

int keeper_main(int, char**) {
    ::prctl(PR_SET_NAME, "pod-keeper");
    auto launch = read_launch(keeper_launch);
    if (!launch) return exec_failed;
    return Keeper(std::move(*launch)).run();
}

}  // namespace pods
