#include "cli/audit_log.hpp"

#include "cli/logging.hpp"

namespace cli {

admin::Audit::Sink make_audit_log(const manifest::Log& log) {
    return [to = make_audit_logger(log)](const std::string& line) { to->info("{}", line); };
}

}  // namespace cli
