#include "cli/upgrade.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <boost/asio.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "proxy/log.hpp"
#include "proxy/traffic/door.hpp"

extern char** environ;

namespace cli {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;
using namespace std::chrono_literals;
using namespace asio::experimental::awaitable_operators;

constexpr auto start_limit = 30s;       // from exec to "ready": the manifests are read and everything is made
constexpr auto settle_limit = 35s;      // a pod's start, from fork to exec
constexpr auto serving_limit = 10s;     // from "go" to "serving"
constexpr auto grace_of_doors = 250ms;  // first requests on connections that cannot be passed on
constexpr auto linger_limit = 5s;       // for connections that end, when no request is left
constexpr auto look_every = 5ms;

pods::UniqueFd copy(int descriptor) {
    return pods::UniqueFd(::fcntl(descriptor, F_DUPFD_CLOEXEC, 0));
}

// As we were started, word for word.
std::vector<std::string> own_words() {
    std::ifstream in("/proc/self/cmdline", std::ios::binary);
    std::vector<std::string> words;
    for (std::string word; std::getline(in, word, '\0');) words.push_back(word);
    return words;
}

}  // namespace

std::string own_binary() {
    static const std::string path = [] {
        std::error_code error;
        auto link = std::filesystem::read_symlink("/proc/self/exe", error).string();
        constexpr std::string_view replaced = " (deleted)";
        if (link.ends_with(replaced)) link.resize(link.size() - replaced.size());
        return link;
    }();
    return path;
}

// The new process and what it has said that nobody took yet.
struct Upgrade::Child {
    Child(asio::io_context& io, pid_t process, pods::UniqueFd end, pods::UniqueFd socket)
        : pid(process), exit(io, end.release()), channel(io, socket.release()) {}

    void kill() { ::syscall(SYS_pidfd_send_signal, exit.native_handle(), SIGKILL, nullptr, 0); }
    // How it ended, as words. One that lives on without hearing us does so no longer.
    std::string end() {
        kill();
        if (::waitpid(pid, &status, 0) != pid) return "it is gone";
        if (WIFSIGNALED(status))
            return fmt::format("it was killed by signal {} ({})", WTERMSIG(status),
                               ::strsignal(WTERMSIG(status)));
        return fmt::format("it ended with status {}", WEXITSTATUS(status));
    }

    pid_t pid;
    asio::posix::stream_descriptor exit;  // a pidfd
    asio::posix::stream_descriptor channel;
    bool is_gone = false;
    int status = -1;  // as waitpid(2) says it
};

Upgrade::~Upgrade() = default;

asio::awaitable<std::string> Upgrade::run(std::function<void(pid_t)> serves) {
    under_way_ = true;
    estate_.loop.remember();
    Lost lost = spawn();
    if (lost.empty()) lost = co_await wait_for("ready", start_limit);
    if (lost.empty()) {
        estate_.loop.freeze(true);
        lost = co_await settle();
    }
    if (lost.empty()) {
        for (auto& listener : estate_.listeners) listener->pause();
        admin_ = copy(estate_.admin_socket());
        estate_.stop_admin();
        doors_passed_ = true;
        auto go = message_of("go");
        json::array pods;
        for (const auto& pod : estate_.loop.old_pods()) {
            pods.push_back(to_json(pod));
            promised_.insert(pod.name);
        }
        go.body["pods"] = std::move(pods);
        send(child_->channel.native_handle(), go);
        estate_.loop.tell_sessions(*this);
    }
    if (lost.empty()) lost = co_await wait_for("serving", serving_limit);
    if (lost.empty()) {
        serves(child_->pid);
        lost = co_await finish();
    }
    if (!lost.empty()) keep_everything();
    under_way_ = false;
    co_return lost;
}

Upgrade::Lost Upgrade::spawn() {
    auto ends = handover_pair();
    if (!ends) return fmt::format("no socket pair can be made: {}", std::strerror(errno));
    constexpr int as = 3;
    pods::UniqueFd theirs(::fcntl(ends->second.get(), F_DUPFD_CLOEXEC, as + 1));
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawnattr_init(&attributes);
    ::posix_spawn_file_actions_adddup2(&actions, theirs.get(), as);
    ::posix_spawn_file_actions_addclosefrom_np(&actions, as + 1);
    sigset_t none, all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setsigdefault(&attributes, &all);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    const auto words = own_words();
    std::vector<std::string> variables;
    for (char** each = environ; *each != nullptr; ++each) variables.emplace_back(*each);
    variables.push_back(fmt::format("{}={}", handover_variable, as));
    std::vector<char*> argv, envp;
    for (const auto& word : words) argv.push_back(const_cast<char*>(word.c_str()));
    for (const auto& variable : variables) envp.push_back(const_cast<char*>(variable.c_str()));
    argv.push_back(nullptr);
    envp.push_back(nullptr);
    pid_t pid = 0;
    const auto binary = own_binary();
    const int error = ::posix_spawn(&pid, binary.c_str(), &actions, &attributes, argv.data(), envp.data());
    ::posix_spawnattr_destroy(&attributes);
    ::posix_spawn_file_actions_destroy(&actions);
    if (error != 0) return fmt::format("{} cannot be run: {}", binary, std::strerror(error));
    theirs.reset();
    ends->second.reset();
    pods::UniqueFd end(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    child_ = std::make_shared<Child>(estate_.control, pid, std::move(end), std::move(ends->first));
    log_of(proxy::LogOf::proxy).info("upgrade: {} was started as process {}", binary, pid);
    send(child_->channel.native_handle(), hello());  // whoever cannot hear it does not say that he is ready
    return {};
}

HandoverMessage Upgrade::hello() const {
    auto hello = message_of("hello");
    hello.body["version"] = handover_version;
    hello.body["adminAddress"] = estate_.admin_at.address;
    hello.body["adminPort"] = estate_.admin_at.port;
    hello.descriptors.push_back(copy(estate_.lock));
    hello.descriptors.push_back(copy(estate_.admin_socket()));
    json::array doors, revisions;
    for (std::size_t i = 0; i < estate_.listeners.size(); ++i) {
        const auto& at = estate_.listens_at[i];
        doors.push_back(json::object{{"address", at.address}, {"port", at.port}});
        hello.descriptors.push_back(copy(estate_.listeners[i]->descriptor()));
    }
    for (const auto& revision : estate_.loop.old_revisions()) revisions.push_back(to_json(revision));
    hello.body["listeners"] = std::move(doors);
    hello.body["revisions"] = std::move(revisions);
    return hello;
}

asio::awaitable<Upgrade::Lost> Upgrade::wait_for(std::string_view what, std::chrono::milliseconds limit) {
    asio::steady_timer alarm(estate_.control, limit);
    const auto child = child_;
    const auto first =
        co_await (receive(child->channel) || alarm.async_wait(asio::as_tuple(asio::use_awaitable)));
    if (const auto* heard = std::get_if<0>(&first); heard != nullptr && *heard) {
        if ((*heard)->what() == what) co_return Lost{};
        const auto* why = (*heard)->body.if_contains("why");
        co_return fmt::format("the new process cannot serve: {}", why != nullptr && why->is_string()
                                                                      ? std::string(why->as_string())
                                                                      : "it says not why");
    }
    if (first.index() == 1)
        co_return fmt::format("the new process did not say '{}' within {} s", what,
                              std::chrono::duration_cast<std::chrono::seconds>(limit).count());
    child->is_gone = true;
    co_return fmt::format("the new process ended before it was {}: {}; its last words are in the log", what,
                          child->end());
}

// Nothing may be between two stools: no pod that was asked for and is not there yet.
asio::awaitable<Upgrade::Lost> Upgrade::settle() {
    const auto deadline = pods::Clock::now() + settle_limit;
    while (!estate_.loop.is_settled() && pods::Clock::now() < deadline) co_await pause(look_every);
    if (estate_.loop.is_settled()) co_return Lost{};
    co_return "a pod's start does not come to an end";
}

asio::awaitable<Upgrade::Lost> Upgrade::finish() {
    asio::co_spawn(estate_.control, listen_to_child(), asio::detached);
    pass_clients();
    while (*workers_told_ < estate_.workers.size()) co_await pause(look_every);
    bool some_stay = false;
    for (const auto& at : estate_.listens_at) some_stay = some_stay || at.tls || at.proxy_protocol;
    if (some_stay) co_await pause(grace_of_doors);
    estate_.loop.hand_over(this);
    tell_of_ended_pods();
    const auto deadline = pods::Clock::now() + estate_.drain;
    bool drained = false;
    auto quiet_since = pods::Clock::now();
    const auto busy = [&] {
        const bool works = std::max(estate_.shared.requests.load(), estate_.shared.errands.load()) > 0 ||
                           estate_.loop.has_pods();
        if (works) quiet_since = pods::Clock::now();
        return works ||
               (estate_.shared.connections.load() > 0 && pods::Clock::now() - quiet_since < linger_limit);
    };
    while (busy() && !child_->is_gone && pods::Clock::now() < deadline) {
        if (!drained && !estate_.loop.has_pods()) {  // whoever asks here still is told to come again
            drained = true;
            for (auto& worker : estate_.workers) worker->drain();
        }
        co_await pause(20ms);
    }
    co_await pause(20ms);  // a connection that was just passed on is on its way to us
    if (!child_->is_gone) co_return Lost{};
    const auto how = child_->end();
    successor_stopped_ = child_->status == 0;  // somebody told it to
    if (successor_stopped_) co_return Lost{};
    co_return fmt::format("the new process served, but then {}", how);
}

asio::awaitable<void> Upgrade::listen_to_child() {
    const auto child = child_;
    const auto [error] = co_await child->exit.async_wait(asio::posix::descriptor_base::wait_read,
                                                         asio::as_tuple(asio::use_awaitable));
    if (!error) child->is_gone = true;
}

asio::awaitable<void> Upgrade::pause(std::chrono::milliseconds time) {
    asio::steady_timer timer(estate_.control, time);
    co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
}

// --- clients

void Upgrade::pass_clients() {
    workers_told_ = std::make_shared<std::size_t>(0);
    for (auto& worker : estate_.workers)
        worker->pass_on(
            [this](int descriptor, std::string early, std::shared_ptr<const proxy::Door> door) {
                asio::post(estate_.control,
                           [this, descriptor, early = std::move(early), door = std::move(door)] {
                               pass_client(descriptor, early, *door);
                           });
            },
            [this, told = workers_told_] { asio::post(estate_.control, [told] { ++*told; }); });
}

void Upgrade::pass_client(int descriptor, std::string early, const proxy::Door& door) {
    pods::UniqueFd client(descriptor);
    std::size_t index = 0;  // another door of the same kind is as good: a reload may have made them anew
    for (std::size_t i = 0; i < estate_.listeners.size(); ++i)
        if (estate_.listeners[i]->has(door)) index = i;
    if (!doors_passed_ || child_->is_gone) return keep_client(std::move(client), std::move(early), door);
    auto passed = message_of("client");
    const auto& at = estate_.listens_at[index];
    passed.body["address"] = at.address;
    passed.body["port"] = at.port;
    json::array octets;
    for (const char octet : early) octets.push_back(static_cast<unsigned char>(octet));
    passed.body["early"] = std::move(octets);
    passed.descriptors.push_back(std::move(client));
    if (send(child_->channel.native_handle(), passed)) return;
    keep_client(std::move(passed.descriptors.front()), std::move(early), door);
}

// Nobody took it: it is ours again, once the workers read again.
void Upgrade::keep_client(pods::UniqueFd client, std::string early, const proxy::Door& door) {
    for (auto& worker : estate_.workers) worker->keep();
    for (auto& listener : estate_.listeners)
        if (listener->has(door)) return listener->take(std::move(client), std::move(early));
    estate_.listeners.front()->take(std::move(client), std::move(early));
}

// --- pods

// Those that ended before the loop knew whom to tell of it.
void Upgrade::tell_of_ended_pods() {
    for (const auto& pod : estate_.loop.old_pods()) promised_.erase(pod.name);
    for (const auto& pod_name : promised_) gone(pod_name);
}

bool Upgrade::take(const proxy::OldPod& pod, pods::Handed& handed) {
    if (child_->is_gone) return false;
    auto passed = message_of("pod");
    passed.body["pod"] = to_json(pod);
    passed.body["keeper"] = handed.kept.keeper;
    for (auto* each : {&handed.kept.exit, &handed.kept.lifeline, &handed.kept.report, &handed.reservation})
        if (*each) passed.descriptors.push_back(std::move(*each));
    if (send(child_->channel.native_handle(), passed)) return true;
    if (passed.descriptors.size() < 3) return false;
    handed.kept.exit = std::move(passed.descriptors[0]);
    handed.kept.lifeline = std::move(passed.descriptors[1]);
    handed.kept.report = std::move(passed.descriptors[2]);
    if (passed.descriptors.size() > 3) handed.reservation = std::move(passed.descriptors[3]);
    return false;
}

void Upgrade::sessions(const std::string& pod_name, const proxy::OldSessions& sessions) {
    constexpr std::size_t at_a_time = 200;  // of at most 160 octets: a message
    for (std::size_t from = 0; from < sessions.size(); from += at_a_time) {
        auto told = message_of("sessions");
        json::array ids;
        for (std::size_t i = from; i < std::min(sessions.size(), from + at_a_time); ++i)
            ids.push_back(json::object{{"id", sessions[i].id}, {"home", sessions[i].home}});
        told.body["name"] = pod_name;
        told.body["ids"] = std::move(ids);
        if (!send(child_->channel.native_handle(), told)) return;
    }
}

void Upgrade::gone(const std::string& pod_name) {
    auto told = message_of("gone");
    told.body["name"] = pod_name;
    send(child_->channel.native_handle(), told);
}

// --- the new process is no good

void Upgrade::keep_everything() {
    if (child_ && !child_->is_gone) {
        child_->end();
    }
    estate_.loop.hand_over(nullptr);
    for (auto& worker : estate_.workers) worker->keep();
    if (std::exchange(doors_passed_, false)) {
        for (auto& listener : estate_.listeners) listener->start();
        estate_.start_admin(std::move(admin_));
    }
    estate_.loop.freeze(false);
    if (child_) {
        boost::system::error_code ignored;
        child_->exit.cancel(ignored);
    }
}

}  // namespace cli
