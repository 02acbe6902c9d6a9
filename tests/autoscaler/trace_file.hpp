// Reads the traces of tests/data/kpa: what to replay, and what Knative's own code did.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "autoscaler/replay.hpp"

struct ExpectedTick {
    int ready = 0;
    std::optional<autoscaler::Averages> averages;
    int desired_pods = 0;
    double excess_burst_capacity = 0;
    bool panic_mode = false;
    int max_panic_pods = 0;
    int want = 0;
    int replicas = 0;
};

struct TraceFile {
    autoscaler::Trace trace;
    bool every_tick_listed = true;
    std::map<autoscaler::Second, ExpectedTick> ticks;
    std::vector<autoscaler::Change<int>> replicas;
    std::vector<autoscaler::Change<std::string>> activity;
    std::vector<autoscaler::Change<std::string>> mode;
};

// Paths of all traces, in order of name.
std::vector<std::string> trace_files();

TraceFile read_trace(const std::string& path);
