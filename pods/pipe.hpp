// A pipe whose ends no program inherits.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include "pods/unique_fd.hpp"

namespace pods {

struct Pipe {
    UniqueFd in, out;  // what is read, what is written
};

// Without ends: it could not be made, and errno says why.
inline Pipe make_pipe() {
    int ends[2] = {-1, -1};
    if (::pipe2(ends, O_CLOEXEC) != 0) return {};
    return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

}  // namespace pods
