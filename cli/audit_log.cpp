#include "cli/audit_log.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <spdlog/async.h>
#include <spdlog/spdlog.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "cli/log_sink.hpp"
#include "cli/logging.hpp"

namespace cli {

admin::Audit::Sink make_audit_log(const manifest::Log& log) {
    std::shared_ptr<spdlog::logger> to;
    if (log.audit == "log") {
        to = spdlog::default_logger()->clone("audit");
    } else {
        pods::UniqueFd file(::open(log.audit.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640));
        if (!file)
            throw std::runtime_error(
                fmt::format("cannot write the audit log {}: {}", log.audit, std::strerror(errno)));
        to = std::make_shared<spdlog::async_logger>("audit", log_sink_to(std::move(file)),
                                                    spdlog::thread_pool(),
                                                    spdlog::async_overflow_policy::overrun_oldest);
        to->set_pattern("%v");
    }
    to->set_level(spdlog::level::info);
    return [to](const std::string& line) { to->info("{}", line); };
}

}  // namespace cli
