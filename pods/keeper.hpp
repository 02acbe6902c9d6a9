// The keeper: one small process above each pod, so that no process of a pod outlives the gateway, however it
// ends.
//
// It is our own binary, run again as "pod-keeper", with
//   - the *lifeline*, the read end of a pipe whose other end the gateway holds: when it closes, because the
//   gateway let go
//     or because it is gone, everything of the pod is killed. The pod's life hangs on that descriptor, not on
//     a parent's pid, so that a gateway may hand its pods to another one by passing the descriptor on.
//   - the report pipe: "failed WHY", or "started PID" and, when all has ended, "ended STATUS": a gateway that
//   was
//     handed the pod is not our parent and learns the status from it.
// It is the subreaper of all that the pod forks, reaps it all, and ends when the last of it has ended.
//   - SIGTERM goes on to the whole tree. What the pod's main process leaves behind may still finish, until
//   the lifeline
//     closes. A main process that ends unasked takes the rest with it, as PID 1 of a container does.
//   - The pod's output goes to its log, rotated (log_file.hpp); a full disk loses log bytes and never blocks
//   the pod.
//   - Exit status: the pod's, or 128 + signal.
// The pod's main process dies with its keeper (PR_SET_PDEATHSIG), should that be killed.
#pragma once

#include <string_view>

namespace pods {

inline constexpr std::string_view keeper_command = "pod-keeper";  // argv[1]

// Where the gateway puts the keeper's descriptors.
inline constexpr int keeper_lifeline = 3;
inline constexpr int keeper_report = 4;
inline constexpr int keeper_launch = 5;  // encode(Launch), launch.hpp

// To be called first thing in main when argv[1] is keeper_command. Needs nothing of the gateway.
int keeper_main(int argc, char** argv);

}  // namespace pods
