#include "pods/kept.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <array>
#include <boost/asio.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "pods/keeper.hpp"
#include "pods/orphans.hpp"
#include "pods/pipe.hpp"

extern char** environ;

namespace pods {

namespace {

using namespace std::chrono_literals;
using namespace asio::experimental::awaitable_operators;
using asio::as_tuple;
using asio::use_awaitable;

constexpr auto orphans_limit =
    10s;  // longer only if the kernel cannot end a process: nothing of ours would help
constexpr auto orphans_again = 10ms;
constexpr std::size_t most_report_bytes = 4096;

std::string failed(const std::string& what) {
    return what + ": " + std::strerror(errno);
}

// Above the numbers that the keeper gets its own under, so that no dup2 closes the source of the next.
UniqueFd lift(UniqueFd fd) {
    return UniqueFd(fd ? ::fcntl(fd.get(), F_DUPFD_CLOEXEC, keeper_launch + 1) : -1);
}

UniqueFd file_in_memory(const std::string& text) {
    UniqueFd fd(::memfd_create("pod-launch", MFD_CLOEXEC));
    if (!fd) return fd;
    for (std::size_t done = 0; done < text.size();) {
        const auto size = ::write(fd.get(), text.data() + done, text.size() - done);
        if (size <= 0) return {};
        done += static_cast<std::size_t>(size);
    }
    ::lseek(fd.get(), 0, SEEK_SET);
    return fd;
}

// What posix_spawn takes, freed by itself. glibc's posix_spawn is vfork with nothing but async-signal-safe
// work in between, thus right in a process with many threads.
class SpawnPlan {
public:
    SpawnPlan() {
        ::posix_spawn_file_actions_init(&actions_);
        ::posix_spawnattr_init(&attributes_);
        sigset_t later, all;  // a SIGTERM that comes before the keeper is ready waits for it
        ::sigemptyset(&later);
        ::sigaddset(&later, SIGTERM);
        ::sigfillset(&all);
        ::posix_spawnattr_setsigmask(&attributes_, &later);
        ::posix_spawnattr_setsigdefault(&attributes_, &all);
        ::posix_spawnattr_setflags(&attributes_,
                                   POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
    }
    ~SpawnPlan() {
        ::posix_spawn_file_actions_destroy(&actions_);
        ::posix_spawnattr_destroy(&attributes_);
    }
    SpawnPlan(const SpawnPlan&) = delete;
    SpawnPlan& operator=(const SpawnPlan&) = delete;

    void null(int as) { ::posix_spawn_file_actions_addopen(&actions_, as, "/dev/null", O_RDWR, 0); }
    void give(const UniqueFd& fd, int as) { ::posix_spawn_file_actions_adddup2(&actions_, fd.get(), as); }
    // Not every library marks its descriptors close-on-exec: Asio's sockets are not.
    void close_from(int first) { ::posix_spawn_file_actions_addclosefrom_np(&actions_, first); }

    int spawn(pid_t& pid, const char* program, char* const* argv) const {
        return ::posix_spawn(&pid, program, &actions_, &attributes_, argv, environ);
    }

private:
    posix_spawn_file_actions_t actions_;
    posix_spawnattr_t attributes_;
};

UniqueFd open_pidfd(pid_t pid) {
    return UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
}

void send_signal(int pidfd, int signal) {
    ::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0);
}

}  // namespace

std::variant<std::shared_ptr<Kept>, std::string> Kept::spawn(asio::any_io_executor executor,
                                                             const Launch& launch) {
    const auto text = encode(launch);
    if (!text) return "a command, argument or variable holds a NUL";
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    UniqueFd file = lift(file_in_memory(*text));
    Pipe lifeline = make_pipe(), report = make_pipe();
    lifeline.in = lift(std::move(lifeline.in));
    report.out = lift(std::move(report.out));
    if (!file || !lifeline.in || !report.out) return failed("cannot make a pod's pipes");

    SpawnPlan plan;
    for (int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) plan.null(fd);
    plan.give(lifeline.in, keeper_lifeline);
    plan.give(report.out, keeper_report);
    plan.give(file, keeper_launch);
    plan.close_from(keeper_launch + 1);

    std::string self = "pilotlight", command(keeper_command), name = launch.name;
    char* const argv[] = {self.data(), command.data(), name.data(), nullptr};
    pid_t keeper = 0;
    const auto guard = Orphans::hold();  // or a look at the orphans takes the new keeper for one
    if (const int error = plan.spawn(keeper, "/proc/self/exe", argv); error != 0)
        return std::string("cannot run a pod's keeper: ") + std::strerror(error);
    Orphans::add_keeper(keeper);
    UniqueFd exit = open_pidfd(keeper);
    if (!exit) {
        const auto why = failed("cannot watch a pod's keeper (pidfd_open)");
        lifeline.out.reset();  // it has nothing yet to care for, and ends
        ::waitpid(keeper, nullptr, 0);
        Orphans::remove_keeper(keeper);
        return why;
    }
    return std::make_shared<Kept>(std::move(executor), keeper, std::move(exit), std::move(lifeline.out),
                                  std::move(report.in));
}

Kept::Kept(asio::any_io_executor executor, pid_t keeper, UniqueFd exit, UniqueFd lifeline, UniqueFd report)
    : keeper_(keeper),
      exit_(executor, exit.release()),
      lifeline_(std::move(lifeline)),
      report_(executor, report.release()),
      ended_(executor, asio::steady_timer::time_point::max()) {}

Kept::~Kept() {
    end_now();
}

asio::awaitable<std::string> Kept::started(std::chrono::milliseconds limit) {
    const auto self = shared_from_this();
    std::string text;
    asio::steady_timer alarm(exit_.get_executor(), limit);
    auto buffer = asio::dynamic_buffer(text, most_report_bytes);
    const auto first = co_await (asio::async_read_until(report_, buffer, '\n', as_tuple(use_awaitable)) ||
                                 alarm.async_wait(as_tuple(use_awaitable)));
    if (const auto line = text.find('\n'); line != text.npos) {
        rest_of_report_ = text.substr(line + 1);  // it has ended already
        text.resize(line);
    }
    if (text.starts_with("started ")) {
        pod_pid_ = std::atoi(text.c_str() + std::strlen("started "));
        co_return "";
    }
    if (first.index() == 1) {
        kill();
        kill_keeper();  // it hangs in chdir or exec, where it cannot see its lifeline
        co_return "the process did not start within " + std::to_string(limit.count()) + " ms";
    }
    if (text.starts_with("failed ")) co_return text.substr(std::strlen("failed "));
    co_return "the pod's keeper ended before the pod began";
}

void Kept::terminate() {
    if (!is_reaped_) send_signal(exit_.native_handle(), SIGTERM);
}

void Kept::kill() {
    lifeline_.reset();
}

std::shared_ptr<Kept> Kept::adopt(asio::any_io_executor executor, KeptHandles handles) {
    auto kept = std::make_shared<Kept>(std::move(executor), handles.keeper, std::move(handles.exit),
                                       std::move(handles.lifeline), std::move(handles.report));
    kept->pod_pid_ = handles.pod;
    kept->is_adopted_ = true;
    return kept;
}

KeptHandles Kept::release() {
    KeptHandles handles;
    if (is_reaped_ || is_over_ || is_released_ || !lifeline_ || !rest_of_report_.empty()) return handles;
    handles.exit = UniqueFd(::fcntl(exit_.native_handle(), F_DUPFD_CLOEXEC, 0));
    handles.report = UniqueFd(::fcntl(report_.native_handle(), F_DUPFD_CLOEXEC, 0));
    if (!handles.exit || !handles.report) return {};
    handles.keeper = keeper_;
    handles.pod = pod_pid_;
    handles.lifeline = std::move(lifeline_);
    is_released_ = true;
    return handles;
}

void Kept::kill_keeper() {
    if (!is_reaped_) send_signal(exit_.native_handle(), SIGKILL);
}

bool Kept::reap() {
    if (is_reaped_) return true;
    if (is_adopted_) return hear_end();
    siginfo_t info{};
    const auto guard = Orphans::hold();
    const int result = ::waitid(P_PIDFD, static_cast<id_t>(exit_.native_handle()), &info, WEXITED | WNOHANG);
    if (result == 0 && info.si_pid == 0) return false;  // still running
    if (result != 0 && errno == EINTR) return false;
    is_reaped_ = true;
    Orphans::remove_keeper(keeper_);
    was_keeper_killed_ = result == 0 && info.si_code != CLD_EXITED;
    status_ = was_keeper_killed_ ? 128 + info.si_status : info.si_status;
    return true;
}

// Of a keeper that is somebody else's to reap: what it said last. One that was killed said nothing.
bool Kept::hear_end() {
    pollfd ended{exit_.native_handle(), POLLIN, 0};
    if (::poll(&ended, 1, 0) == 0) return false;
    is_reaped_ = true;
    std::array<char, most_report_bytes> buffer;
    pollfd said{report_.native_handle(), POLLIN, 0};
    const bool some = ::poll(&said, 1, 0) > 0;
    const auto size = some ? ::read(report_.native_handle(), buffer.data(), buffer.size()) : 0;
    if (size > 0) rest_of_report_.append(buffer.data(), static_cast<std::size_t>(size));
    was_keeper_killed_ = !rest_of_report_.starts_with("ended ");
    status_ = was_keeper_killed_ ? 128 + SIGKILL : std::atoi(rest_of_report_.c_str() + std::strlen("ended "));
    return true;
}

// What a killed keeper leaves behind falls to us if it was our child. If not, it is found by the pod's
// session.
bool Kept::kill_orphans() const {
    if (!was_keeper_killed_ || is_released_) return false;
    return is_adopted_ ? Orphans::kill_session(pod_pid_) : Orphans::kill();
}

asio::awaitable<void> Kept::end() {
    const auto self = shared_from_this();
    do {  // first a wait: whoever asked for the start hears of that before the end
        const auto [error] =
            co_await exit_.async_wait(asio::posix::descriptor_base::wait_read, as_tuple(use_awaitable));
        if (error) break;  // end_now() has done it
    } while (!reap());
    asio::steady_timer pause(exit_.get_executor());
    const auto limit = std::chrono::steady_clock::now() + orphans_limit;
    while (!is_over_ && kill_orphans() && std::chrono::steady_clock::now() < limit) {
        pause.expires_after(orphans_again);
        co_await pause.async_wait(as_tuple(use_awaitable));
    }
    kill();
    is_over_ = true;
    ended_.expires_at(asio::steady_timer::time_point::min());
}

asio::awaitable<bool> Kept::wait_end(std::chrono::milliseconds limit) {
    const auto self = shared_from_this();
    asio::steady_timer alarm(exit_.get_executor(), limit);
    if (!is_over_)
        co_await (ended_.async_wait(as_tuple(use_awaitable)) || alarm.async_wait(as_tuple(use_awaitable)));
    co_return is_over_;
}

void Kept::end_now() {
    if (is_over_) return;
    is_over_ = true;
    if (is_released_) return;
    kill();
    pollfd ended{exit_.native_handle(), POLLIN, 0};
    if (!is_reaped_ && ::poll(&ended, 1, std::chrono::milliseconds(orphans_limit).count()) == 0)
        kill_keeper();
    while (!reap() && ::poll(&ended, 1, std::chrono::milliseconds(orphans_limit).count()) != 0) {
    }
    const auto limit = std::chrono::steady_clock::now() + orphans_limit;
    while (kill_orphans() && std::chrono::steady_clock::now() < limit)
        ::poll(nullptr, 0, std::chrono::milliseconds(orphans_again).count());
    boost::system::error_code ignored;
    exit_.cancel(ignored);
    ended_.expires_at(asio::steady_timer::time_point::min());
}

}  // namespace pods
