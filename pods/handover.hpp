// A running pod on its way from one gateway to the one that takes its place: what it is, and the descriptors
// that its life hangs on (keeper.hpp). Whoever lets the lifeline go ends the pod.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "pods/driver.hpp"
#include "pods/unique_fd.hpp"

namespace pods {

struct KeptHandles {
    pid_t keeper = 0;
    pid_t pod = 0;      // its main process
    UniqueFd exit;      // a pidfd of the keeper
    UniqueFd lifeline;  // the write end
    UniqueFd report;    // the read end
};

struct Handed {
    Started started;
    KeptHandles kept;      // all empty: a pod that is no process of ours
    UniqueFd reservation;  // of its port, ports.hpp
};

}  // namespace pods
