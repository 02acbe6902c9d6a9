#include "proxy/log.hpp"

#include <array>

namespace proxy {

namespace {

std::array<std::shared_ptr<spdlog::logger>, manifest::log_subsystems.size()>& loggers() {
    static std::array<std::shared_ptr<spdlog::logger>, manifest::log_subsystems.size()> all;
    return all;
}

}  // namespace

spdlog::logger& log_of(LogOf subsystem) {
    const auto& logger = loggers()[static_cast<std::size_t>(subsystem)];
    return logger ? *logger : *spdlog::default_logger_raw();
}

void set_up_logs(const std::shared_ptr<spdlog::logger>& like) {
    for (std::size_t i = 0; i < loggers().size(); ++i)
        loggers()[i] = like->clone(std::string(manifest::log_subsystems[i]));
    spdlog::set_default_logger(loggers()[static_cast<std::size_t>(LogOf::proxy)]);
}

void set_log_levels(const manifest::Log& log) {
    for (std::size_t i = 0; i < loggers().size(); ++i) {
        if (!loggers()[i]) continue;
        const auto own = log.levels.find(std::string(manifest::log_subsystems[i]));
        loggers()[i]->set_level(spdlog::level::from_str(own == log.levels.end() ? log.level : own->second));
    }
}

LogOf log_of_event(std::string_view kind, std::string_view reason) {
    if (reason.starts_with("Certificate")) return LogOf::tls;
    if (reason.starts_with("Reload")) return LogOf::config;
    if (kind == "Pod") return LogOf::pods;
    if (kind == "Revision" || kind == "Service") return LogOf::scaler;
    return LogOf::proxy;
}

}  // namespace proxy
