// The gateway's own log, by what it is about: each subsystem has a level of its own, which may change at any
// time.
#pragma once

#include <spdlog/spdlog.h>

#include <memory>
#include <string_view>

#include "manifest/configuration.hpp"

namespace proxy {

// In the order of manifest::log_subsystems.
enum class LogOf : unsigned char { proxy, scaler, pods, admin, tls, config, trace };

// Any thread. Before set_up_logs(): spdlog's default logger.
spdlog::logger& log_of(LogOf);

// One for each, with the sinks of `like`, which becomes the proxy's and spdlog's default. Once, at the start.
void set_up_logs(const std::shared_ptr<spdlog::logger>& like);
void set_log_levels(const manifest::Log&);

// Whose an event is, by the kind of object and the reason (proxy/control/events.hpp).
LogOf log_of_event(std::string_view kind, std::string_view reason);

}  // namespace proxy
