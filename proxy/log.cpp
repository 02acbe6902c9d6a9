#include "proxy/log.hpp"

#include <spdlog/spdlog.h>

#include <array>
#include <iterator>

#include "proxy/traffic/refusal.hpp"

namespace proxy {

namespace {

constexpr auto subsystem_count = manifest::log_subsystems.size();
constexpr char mark = '\x1e';  // stands around the fields; no escaped text has one

struct Levels {
    std::array<std::string, subsystem_count> of_manifest;
    std::array<std::optional<std::string>, subsystem_count> by_hand;
};

std::array<std::shared_ptr<spdlog::logger>, subsystem_count>& loggers() {
    static std::array<std::shared_ptr<spdlog::logger>, subsystem_count> all;
    return all;
}

Levels& levels() {
    static Levels all = [] {
        Levels out;
        out.of_manifest.fill(manifest::Log{}.level);
        return out;
    }();
    return all;
}

void put_in_force(std::size_t i) {
    if (!loggers()[i]) return;
    const auto& level = levels().by_hand[i].value_or(levels().of_manifest[i]);
    loggers()[i]->set_level(spdlog::level::from_str(level));
}

}  // namespace

void Logger::write(spdlog::level::level_enum level, fmt::string_view text,
                   fmt::format_args values) const noexcept {
    try {
        fmt::memory_buffer out;
        for (const auto& [name, value] : about_)
            if (!value.empty())
                fmt::format_to(std::back_inserter(out), R"({},"{}":"{}")", out.size() == 0 ? "\x1e" : "",
                               name, json_escape(value));
        if (out.size() > 0) out.push_back(mark);
        const auto fields = out.size();
        fmt::vformat_to(std::back_inserter(out), text, values);
        std::string_view line(out.data(), out.size());
        std::string marked;
        if (fields == 0 && line.starts_with(mark)) line = (marked = std::string(2, mark) + std::string(line));
        to_->log(level, spdlog::string_view_t(line.data(), line.size()));
    } catch (...) {  // no memory, or a format that does not fit: no request is lost for a line
    }
}

LogLine taken_apart(std::string_view payload) {
    const auto end = payload.starts_with(mark) ? payload.find(mark, 1) : std::string_view::npos;
    if (end == std::string_view::npos) return {{}, payload};
    return {payload.substr(1, end - 1), payload.substr(end + 1)};
}

Logger log_of(LogOf subsystem) {
    const auto& logger = loggers()[static_cast<std::size_t>(subsystem)];
    return Logger(logger ? *logger : *spdlog::default_logger_raw());
}

void set_up_logs(const std::shared_ptr<spdlog::logger>& like) {
    for (std::size_t i = 0; i < subsystem_count; ++i)
        loggers()[i] = like->clone(std::string(manifest::log_subsystems[i]));
    spdlog::set_default_logger(loggers()[static_cast<std::size_t>(LogOf::proxy)]);
}

void set_log_levels(const manifest::Log& log) {
    levels().by_hand = {};
    for (std::size_t i = 0; i < subsystem_count; ++i) {
        const auto own = log.levels.find(std::string(manifest::log_subsystems[i]));
        levels().of_manifest[i] = own == log.levels.end() ? log.level : own->second;
        put_in_force(i);
    }
}

void set_log_level(LogOf subsystem, std::optional<std::string_view> level) {
    const auto i = static_cast<std::size_t>(subsystem);
    levels().by_hand[i] = level;
    put_in_force(i);
}

std::string_view log_level(LogOf subsystem) {
    const auto i = static_cast<std::size_t>(subsystem);
    const auto& by_hand = levels().by_hand[i];
    return by_hand ? *by_hand : levels().of_manifest[i];
}

bool log_level_by_hand(LogOf subsystem) {
    return levels().by_hand[static_cast<std::size_t>(subsystem)].has_value();
}

LogOf log_of_event(std::string_view kind, std::string_view reason) {
    if (reason.starts_with("Certificate")) return LogOf::tls;
    if (reason.starts_with("Reload")) return LogOf::config;
    if (kind == "Pod") return LogOf::pods;
    if (kind == "Revision" || kind == "Service") return LogOf::scaler;
    return LogOf::proxy;
}

}  // namespace proxy
