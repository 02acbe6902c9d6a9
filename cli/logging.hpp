// Logs leave through spdlog's asynchronous queue: bounded, and the oldest lines go first when nobody takes
// them.
#pragma once

#include "manifest/configuration.hpp"
#include "proxy/access_log.hpp"

namespace cli {

void set_up_logging(const manifest::Log&);
void set_log_level(const manifest::Log&);
proxy::AccessLog make_access_log(const manifest::Log&);

}  // namespace cli
