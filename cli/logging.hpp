// Logs leave through spdlog's asynchronous queue: bounded, and the oldest lines go first when nobody takes
// them.
#pragma once

#include <spdlog/logger.h>

#include <cstdint>
#include <memory>

#include "manifest/configuration.hpp"
#include "proxy/access_log.hpp"

namespace cli {

void set_up_logging(const manifest::Log&);
// Lines that nobody took, of all logs.
std::uint64_t lost_log_lines();
// Files that were moved away are begun anew; nobody waits for that.
void reopen_logs();
// The end of logging, within a moment even if nobody reads what is left.
void shut_down_logging();
// The two throw std::runtime_error with a sentence when the file cannot be written.
proxy::AccessLog make_access_log(const manifest::Log&);
std::shared_ptr<spdlog::logger> make_audit_logger(const manifest::Log&);

}  // namespace cli
