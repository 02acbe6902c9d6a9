// What a killed keeper leaves behind.
//
// This process is a subreaper and has no children but keepers. A pod lives in sessions of its own, so a child
// of ours that is no keeper and not in our session has lost its keeper: it is killed with all its
// descendants, and reaped.
#pragma once

#include <sys/types.h>

#include <mutex>

namespace pods {

class Orphans {
public:
    // Keepers are added and removed under this, else kill() could meet one that it does not know yet.
    [[nodiscard]] static std::unique_lock<std::mutex> hold();
    static void add_keeper(pid_t keeper);
    static void remove_keeper(pid_t keeper);

    // Whoever is in that session and no child of ours. True: some are still there.
    static bool kill_session(pid_t session);

    static bool kill();  // true: some are still there, look again
};

}  // namespace pods
