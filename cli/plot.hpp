// Demand, pods and waits over time as an SVG, one colour a run.
#pragma once

#include <string>
#include <vector>

#include "cli/simulation.hpp"

namespace cli {

struct PlottedRun {
    std::string name;
    const Outcome* outcome;  // with its course
};

std::string svg(const std::string& title, const std::vector<TraceRequest>& trace,
                const std::vector<PlottedRun>& runs);

}  // namespace cli
