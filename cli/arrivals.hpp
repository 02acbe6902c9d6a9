// Traces of requests to simulate: CSV with the columns arrival_s and service_s, or our own JSON access log.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "cli/simulation.hpp"

namespace cli {

struct BadTrace : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// By arrival, the first at 0. Of an access log the requests that took a slot count: each came `total` before
// its line was written and held its pod for `podTime`; `service` ("namespace/name") chooses whose, and may be
// empty when there is only one. Throws a sentence with the line's number.
std::vector<TraceRequest> read_trace(std::string_view text, const std::string& service = "");

}  // namespace cli
