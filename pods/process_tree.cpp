#include "pods/process_tree.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "pods/unique_fd.hpp"

namespace pods {

namespace {

// proc(5), /proc/<pid>/stat: "pid (comm) state ppid pgrp session ...", where comm may hold anything, ')' too.
std::optional<Process> read_stat(pid_t pid) {
    const std::string path = "/proc/" + std::to_string(pid) + "/stat";
    const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    char text[512];
    const auto size = file ? ::read(file.get(), text, sizeof text - 1) : -1;
    if (size <= 0) return std::nullopt;
    text[size] = '\0';
    const char* after_name = std::strrchr(text, ')');
    Process process{.pid = pid};
    if (!after_name || std::sscanf(after_name + 1, " %c %d %d %d", &process.state, &process.parent,
                                   &process.group, &process.session) != 4)
        return std::nullopt;
    return process;
}

}  // namespace

std::map<pid_t, Process> all_processes() {
    std::map<pid_t, Process> found;
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir("/proc"), ::closedir);
    if (!folder) return found;
    while (const dirent* entry = ::readdir(folder.get())) {
        const int pid = std::atoi(entry->d_name);
        if (pid <= 0) continue;
        if (auto process = read_stat(pid)) found.emplace(pid, *process);
    }
    return found;
}

std::vector<Process> descendants(const std::map<pid_t, Process>& processes, pid_t root) {
    std::multimap<pid_t, const Process*> children;
    for (const auto& [pid, process] : processes) children.emplace(process.parent, &process);
    std::vector<Process> found;
    std::vector<pid_t> open{root};
    std::set<pid_t> seen{root};  // a pid reused while we read could make a circle
    while (!open.empty()) {
        const auto [first, last] = children.equal_range(open.back());
        open.pop_back();
        for (auto child = first; child != last; ++child) {
            if (!seen.insert(child->second->pid).second) continue;
            open.push_back(child->second->pid);
            if (child->second->state != 'Z') found.push_back(*child->second);
        }
    }
    return found;
}

void signal_groups(const std::vector<Process>& processes, int signal) {
    std::set<pid_t> groups;
    for (const auto& process : processes) {
        if (process.group == ::getpgrp() || process.group <= 1) {
            ::kill(process.pid, signal);
        } else if (groups.insert(process.group).second) {
            ::kill(-process.group, signal);
        }
    }
}

}  // namespace pods
