// Where lines about changes go: a file of their own, or among the other lines whatever the log's level is.
#pragma once

#include "admin/audit.hpp"
#include "manifest/configuration.hpp"

namespace cli {

// After logging is set up. Throws a sentence when the file cannot be written.
admin::Audit::Sink make_audit_log(const manifest::Log&);

}  // namespace cli
