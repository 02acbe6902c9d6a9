#include "pods/orphans.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <set>

#include "pods/process_tree.hpp"

namespace pods {

namespace {

std::mutex mutex;
std::set<pid_t> keepers;

}  // namespace

std::unique_lock<std::mutex> Orphans::hold() {
    return std::unique_lock(mutex);
}
void Orphans::add_keeper(pid_t keeper) {
    keepers.insert(keeper);
}
void Orphans::remove_keeper(pid_t keeper) {
    keepers.erase(keeper);
}

bool Orphans::kill_session(pid_t session) {
    std::vector<Process> found;
    for (const auto& [pid, process] : all_processes())
        if (process.session == session && process.state != 'Z') found.push_back(process);
    if (session > 1) signal_groups(found, SIGKILL);
    return session > 1 && !found.empty();
}

bool Orphans::kill() {
    const auto guard = hold();
    const auto processes = all_processes();
    const pid_t self = ::getpid(), session = ::getsid(0);
    bool found = false;
    for (const auto& [pid, process] : processes) {
        if (process.parent != self || process.session == session || keepers.contains(pid)) continue;
        found = true;
        auto tree = descendants(processes, pid);
        if (process.state != 'Z') tree.push_back(process);
        signal_groups(tree, SIGKILL);
        ::waitpid(pid, nullptr, WNOHANG);
    }
    return found;
}

}  // namespace pods
