// A recording of Knative's autoscaler (tests/data/kpa, README there): what to replay, and what Knative did.
// Read strictly: a file that cannot be understood is refused with the place of what is wrong. Pure.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "autoscaler/replay.hpp"

namespace cli {

struct KpaFile {
    struct Row {
        autoscaler::Second second = 0;
        int ready = 0;
        std::optional<autoscaler::Averages> averages;  // empty: `valid` is 0
        int desired_pods = 0;
        double excess_burst_capacity = 0;
        int panic_mode = 0, max_panic_pods = 0, want = 0, replicas = 0;
    };
    using Changes = std::vector<autoscaler::Change<std::string>>;

    std::string name;
    autoscaler::Trace trace;
    bool every_tick_listed = true;
    std::vector<Row> rows;
    std::optional<Changes> replicas, activity, mode;  // empty: not in the file
    std::string
        misresolved;  // what the file's `resolved` says otherwise than its annotations; empty: nothing
};

// What is wrong with a file, where in it: "input.concurrency[3]: ...".
struct BadKpaFile : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// `fallback_name` names a file that does not name itself.
KpaFile read_kpa_file(std::string_view text, std::string fallback_name);

// Replays the trace on the autoscaler. The first difference, earliest tick first, in words; empty: none.
std::string first_difference(const KpaFile&);

}  // namespace cli
