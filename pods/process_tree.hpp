// Who descends from whom on this machine, read from /proc, and signals to a whole tree.
//
// Signals go to process groups, because the kernel delivers to a group at one moment: a process that forks
// cannot slip out between two looks, as it can when pids are listed and signalled one by one. Groups that a
// tree made with setsid or setpgid are found through the parents; as long as a subreaper stands above, no
// process leaves its tree by orphaning.
#pragma once

#include <sys/types.h>

#include <map>
#include <vector>

namespace pods {

struct Process {
    pid_t pid = 0;
    pid_t parent = 0;
    pid_t group = 0;
    pid_t session = 0;
    char state = '?';  // proc(5): R S D T Z ...
};

std::map<pid_t, Process> all_processes();

// All that descend from `root`, without itself and without zombies.
std::vector<Process> descendants(const std::map<pid_t, Process>& processes, pid_t root);

// Signals the groups of these processes. Never our own group: of a process in it, only the process itself.
void signal_groups(const std::vector<Process>& processes, int signal);

}  // namespace pods
