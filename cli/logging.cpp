#include "cli/logging.hpp"

#include <fcntl.h>
#include <spdlog/async.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <fmt/format.h>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "cli/log_sink.hpp"
#include "proxy/log.hpp"

namespace cli {
namespace {

constexpr std::size_t queue_lines = 8192;
std::atomic<std::uint64_t> lost{0};

bool as_json(const manifest::Log& log, int descriptor) {
    return log.format == "json" || (log.format == "auto" && ::isatty(descriptor) == 0);
}

std::shared_ptr<spdlog::logger> logger(const char* name, spdlog::sink_ptr sink) {
    auto made = std::make_shared<spdlog::async_logger>(name, std::move(sink), spdlog::thread_pool(),
                                                       spdlog::async_overflow_policy::overrun_oldest);
    spdlog::register_logger(made);
    return made;
}

spdlog::sink_ptr sink_to(pods::UniqueFd file, LogSink::Flush flush) {
    return std::make_shared<LogSink>(std::move(file), flush, lost);
}

}  // namespace

std::uint64_t lost_log_lines() {
    const auto pool = spdlog::thread_pool();
    return lost.load() + (pool ? pool->overrun_counter() : 0);
}

spdlog::sink_ptr log_sink_to(pods::UniqueFd file) {
    return sink_to(std::move(file), LogSink::Flush::each_line);
}

void shut_down_logging() {
    spdlog::shutdown();
}

void set_up_logging(const manifest::Log& log) {
    spdlog::init_thread_pool(queue_lines, 1);
    spdlog::sink_ptr sink;
    if (::isatty(STDERR_FILENO) != 0)
        sink = std::make_shared<spdlog::sinks::stderr_color_sink_mt>();
    else
        sink = sink_to(pods::UniqueFd(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0)), LogSink::Flush::each_line);
    auto made = logger("pilotlight", std::move(sink));
    made->set_pattern("%Y-%m-%dT%H:%M:%S.%e %^%l%$ %n: %v");
    proxy::set_up_logs(made);
    spdlog::flush_every(std::chrono::seconds(1));
    set_log_level(log);
}

void set_log_level(const manifest::Log& log) {
    proxy::set_log_levels(log);
}

proxy::AccessLog make_access_log(const manifest::Log& log) {
    if (log.access == "off") return {};
    const bool to_stdout = log.access == "stdout";
    const bool terminal = to_stdout && ::isatty(STDOUT_FILENO) != 0;
    pods::UniqueFd file(to_stdout
                            ? ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0)
                            : ::open(log.access.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
    if (!file)
        throw std::runtime_error(
            fmt::format("cannot write the access log {}: {}", log.access, std::strerror(errno)));
    auto sink = sink_to(std::move(file), terminal ? LogSink::Flush::each_line : LogSink::Flush::when_full);
    auto made = logger("access", std::move(sink));
    made->set_pattern("%v");
    made->set_level(spdlog::level::info);
    return {made, !to_stdout || as_json(log, STDOUT_FILENO)};
}

}  // namespace cli
