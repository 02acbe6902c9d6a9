// Several revisions, one machine: fits what each wants to the GPUs there are. Pure.
#pragma once

#include <limits>
#include <vector>

namespace autoscaler {

struct Want {
    int wanted = 0;   // pods, after max-scale
    int alive = 0;    // pods that hold their GPUs now, those that leave included
    int gpus = 1;     // of one pod; 0: it needs none
    int waiting = 0;  // requests that wait for a slot
};

constexpr int unlimited_gpus = std::numeric_limits<int>::max();

// How many pods each may have, never more than it wants. Nobody loses a pod to another revision: what is
// alive and wanted stays. GPUs are free when their pods are gone, not when they are asked to go. The free
// ones go, one pod at a time, to the revision with the most waiting requests for each pod that it was just
// given; among equals to the one with the fewest pods, then to the first. A pod that needs more than is left
// is passed over.
std::vector<int> fit(const std::vector<Want>&, int gpus);

}  // namespace autoscaler
