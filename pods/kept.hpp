// The gateway's end of a keeper (keeper.hpp): starts it, holds its lifeline, hears of its end.
#pragma once

#include <sys/types.h>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <variant>

#include "pods/handover.hpp"
#include "pods/launch.hpp"
#include "pods/unique_fd.hpp"

namespace pods {

namespace asio = boost::asio;

// All members on one thread, the executor's. Coroutines of it hold it by shared_ptr.
class Kept : public std::enable_shared_from_this<Kept> {
public:
    // Starts a keeper; or one sentence, why not. Makes this process a subreaper (PR_SET_CHILD_SUBREAPER):
    // should a keeper be killed, what it kept falls to us, to be found and ended.
    static std::variant<std::shared_ptr<Kept>, std::string> spawn(asio::any_io_executor executor,
                                                                  const Launch& launch);

    // A keeper that another gateway started, and its pod, which runs.
    static std::shared_ptr<Kept> adopt(asio::any_io_executor executor, KeptHandles handles);

    Kept(asio::any_io_executor executor, pid_t keeper, UniqueFd exit, UniqueFd lifeline, UniqueFd report);
    ~Kept();  // as end_now()
    Kept(const Kept&) = delete;
    Kept& operator=(const Kept&) = delete;

    // Waits until the pod's main process runs: empty; or one sentence, why it does not, with the keeper on
    // its way out.
    asio::awaitable<std::string> started(std::chrono::milliseconds limit);

    // The pod's main process: for people. Signals never go by it. 0 before started().
    pid_t pod_pid() const { return pod_pid_; }
    pid_t keeper_pid() const { return keeper_; }

    void terminate();    // SIGTERM to the whole tree
    void kill();         // lets the lifeline go: SIGKILL to the whole tree
    void kill_keeper();  // for a keeper that does not do its work

    // Waits for the end of everything, and reaps. One caller, once.
    asio::awaitable<void> end();

    // Kills, waits for it on this very thread, up to 10 s, and reaps.
    void end_now();

    // Of a pod that has started: from now on it is for whoever has these. Its end is none of ours any more,
    // but a keeper that is our child is reaped still, by end(). Empty handles: it cannot be let go now.
    KeptHandles release();
    bool was_released() const { return is_released_; }

    // Any number of callers, until the end or so long; true: it has ended.
    asio::awaitable<bool> wait_end(std::chrono::milliseconds limit);

    // After the end: the pod's status as a shell says it.
    int status() const { return status_; }
    bool was_keeper_killed() const { return was_keeper_killed_; }

private:
    bool reap();
    bool hear_end();
    bool kill_orphans() const;

    pid_t keeper_;
    asio::posix::stream_descriptor exit_;  // a pidfd
    UniqueFd lifeline_;
    asio::posix::stream_descriptor report_;
    asio::steady_timer ended_;  // rings when all is over, and stays rung
    std::string rest_of_report_;
    pid_t pod_pid_ = 0;
    int status_ = 0;
    bool was_keeper_killed_ = false;
    bool is_reaped_ = false;
    bool is_adopted_ = false;  // no child of ours
    bool is_released_ = false;
    bool is_over_ = false;
};

}  // namespace pods
