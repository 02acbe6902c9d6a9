// Which pod suits a request that takes no slot, when it is not known whose it is.
#pragma once

namespace router {

enum class Towards : unsigned char {
    any,    // whichever is ready
    busy,   // the one that works for this client, most likely: polls of a job's progress
    owner,  // only the client's own: what it does to the pod, such as an interrupt, hits whoever runs there
    seek,   // whichever is ready; if that does not know what is asked for, the others
};

}  // namespace router
