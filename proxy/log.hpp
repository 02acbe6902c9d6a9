// The gateway's own log, by what it is about: each subsystem has a level of its own, which may change at any
// time. A line is a sentence, and what it is about may stand beside it for programs.
#pragma once

#include <fmt/format.h>
#include <spdlog/logger.h>

#include <initializer_list>
#include <memory>
#include <optional>
#include <string_view>

#include "manifest/configuration.hpp"

namespace proxy {

// In the order of manifest::log_subsystems.
enum class LogOf : unsigned char { proxy, scaler, pods, admin, tls, config, trace };

struct LogField {
    std::string_view name, value;
};

// Never throws and never waits: a line that there is no memory for is lost.
class Logger {
public:
    explicit Logger(spdlog::logger& to, std::initializer_list<LogField> about = {})
        : to_(&to), about_(about) {}

    // For one line: what it is about, of which a program may take hold. Those without a value are left out.
    Logger about(std::initializer_list<LogField> fields) const { return Logger(*to_, fields); }

    template <class... A>
    void log(spdlog::level::level_enum level, fmt::format_string<A...> text, A&&... values) const noexcept {
        if (to_->should_log(level)) write(level, text, fmt::make_format_args(values...));
    }
    template <class... A>
    void debug(fmt::format_string<A...> text, A&&... values) const noexcept {
        log(spdlog::level::debug, text, std::forward<A>(values)...);
    }
    template <class... A>
    void info(fmt::format_string<A...> text, A&&... values) const noexcept {
        log(spdlog::level::info, text, std::forward<A>(values)...);
    }
    template <class... A>
    void warn(fmt::format_string<A...> text, A&&... values) const noexcept {
        log(spdlog::level::warn, text, std::forward<A>(values)...);
    }
    template <class... A>
    void error(fmt::format_string<A...> text, A&&... values) const noexcept {
        log(spdlog::level::err, text, std::forward<A>(values)...);
    }

private:
    void write(spdlog::level::level_enum, fmt::string_view text, fmt::format_args) const noexcept;

    spdlog::logger* to_;
    std::initializer_list<LogField> about_;  // of the statement that logs
};

// Any thread. Before set_up_logs(): spdlog's default logger.
Logger log_of(LogOf);

// One for each, with the sinks of `like`, which becomes the proxy's and spdlog's default. Once, at the start.
void set_up_logs(const std::shared_ptr<spdlog::logger>& like);

// As the manifest says; what was set by hand is forgotten. This and the next three: one thread.
void set_log_levels(const manifest::Log&);
// Until then; empty: as the manifest says.
void set_log_level(LogOf, std::optional<std::string_view> level);
std::string_view log_level(LogOf);
bool log_level_by_hand(LogOf);

// A line as it travels to whoever writes it: its fields as JSON members (`,"pod":"x"`), escaped, and its
// text, as it is.
struct LogLine {
    std::string_view fields, text;
};
LogLine taken_apart(std::string_view payload);

// Whose an event is, by the kind of object and the reason (proxy/control/events.hpp).
LogOf log_of_event(std::string_view kind, std::string_view reason);

}  // namespace proxy
