#include "cli/logging.hpp"

#include <spdlog/async.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <fmt/format.h>
#include <stdexcept>

namespace cli {
namespace {

constexpr std::size_t queue_lines = 8192;

bool as_json(const manifest::Log& log, int descriptor) {
    return log.format == "json" || (log.format == "auto" && ::isatty(descriptor) == 0);
}

std::shared_ptr<spdlog::logger> logger(const char* name, spdlog::sink_ptr sink) {
    auto made = std::make_shared<spdlog::async_logger>(name, std::move(sink), spdlog::thread_pool(),
                                                       spdlog::async_overflow_policy::overrun_oldest);
    spdlog::register_logger(made);
    return made;
}

}  // namespace

void set_up_logging(const manifest::Log& log) {
    spdlog::init_thread_pool(queue_lines, 1);
    auto made = logger("pilotlight", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
    made->set_pattern("%Y-%m-%dT%H:%M:%S.%e %^%l%$ %v");
    spdlog::set_default_logger(made);
    spdlog::flush_every(std::chrono::seconds(1));
    set_log_level(log);
}

void set_log_level(const manifest::Log& log) {
    spdlog::default_logger()->set_level(spdlog::level::from_str(log.level));
}

proxy::AccessLog make_access_log(const manifest::Log& log) {
    if (log.access == "off") return {};
    spdlog::sink_ptr sink;
    try {
        if (log.access == "stdout")
            sink = std::make_shared<spdlog::sinks::stdout_sink_mt>();
        else
            sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(log.access);
    } catch (const spdlog::spdlog_ex& error) {
        throw std::runtime_error(fmt::format("cannot write the access log {}: {}", log.access, error.what()));
    }
    auto made = logger("access", std::move(sink));
    made->set_pattern("%v");
    made->set_level(spdlog::level::info);
    return {made, log.access != "stdout" || as_json(log, STDOUT_FILENO)};
}

}  // namespace cli
