// Logs leave through spdlog's asynchronous queue: bounded, and the oldest lines go first when nobody takes
// them.
#pragma once

#include <spdlog/common.h>

#include <cstdint>

#include "manifest/configuration.hpp"
#include "pods/unique_fd.hpp"
#include "proxy/access_log.hpp"

namespace cli {

void set_up_logging(const manifest::Log&);
// Lines that nobody took, of all logs.
std::uint64_t lost_log_lines();
// The end of logging, within a moment even if nobody reads what is left.
void shut_down_logging();
void set_log_level(const manifest::Log&);
// Each line at once; those that it loses are counted.
spdlog::sink_ptr log_sink_to(pods::UniqueFd file);
proxy::AccessLog make_access_log(const manifest::Log&);

}  // namespace cli
