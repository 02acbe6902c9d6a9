#include "cli/logging.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <spdlog/async.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <vector>

#include "cli/log_lines.hpp"
#include "cli/log_sink.hpp"
#include "proxy/log.hpp"

namespace cli {
namespace {

constexpr std::size_t queued_requests = 8192, queued_others = 1024;  // lines
std::atomic<std::uint64_t> lost{0};

// The request log has a thread of its own: what holds it up holds up no other log.
struct Logs {
    std::shared_ptr<spdlog::details::thread_pool> requests, others;
    std::vector<std::shared_ptr<LogSink>> files;
    std::vector<std::shared_ptr<spdlog::logger>> loggers;
};

Logs& logs() {
    static Logs all;
    return all;
}

bool as_json(const manifest::Log& log, int descriptor) {
    return log.format == "json" || (log.format == "auto" && ::isatty(descriptor) == 0);
}

std::shared_ptr<spdlog::logger> logger(std::string name, spdlog::sink_ptr sink,
                                       const std::shared_ptr<spdlog::details::thread_pool>& pool) {
    auto made = std::make_shared<spdlog::async_logger>(std::move(name), std::move(sink), pool,
                                                       spdlog::async_overflow_policy::overrun_oldest);
    spdlog::register_logger(made);  // and so it is flushed every now and then
    logs().loggers.push_back(made);
    return made;
}

// How a log fares is said in the gateway's own; what is to be said of that one is said when it works again.
LogSink::Tell teller(std::string name, bool own) {
    return [name = std::move(name), own](LogSink::Told told, std::uint64_t count, const std::string& why) {
        const auto log = log_of(proxy::LogOf::proxy);
        switch (told) {
            case LogSink::Told::trouble:
                if (!own)
                    log.error(
                        "{} cannot be written, its lines are lost and counted "
                        "(pilotlight_log_lines_lost_total), requests go on: {}; make room there, or see who "
                        "should read it",
                        name, why);
                return;
            case LogSink::Told::well_again:
                return log.warn("{} is written again; lines lost before that: {} ({})", name, count, why);
            case LogSink::Told::reopened:
                return log.info("{} was opened anew", name);
            case LogSink::Told::not_reopened:
                return log.error(
                    "{} cannot be opened anew, its lines still go to the file from before: {}; mend that and "
                    "send SIGUSR1 again",
                    name, why);
        }
    };
}

// What its queue had no room for.
void count_overruns(LogSink& sink, const std::shared_ptr<spdlog::details::thread_pool>& pool) {
    sink.counts_also([weak = std::weak_ptr(pool)]() -> std::uint64_t {
        const auto queue = weak.lock();
        return queue ? queue->overrun_counter() : 0;
    });
}

std::shared_ptr<LogSink> file_sink(std::string name, const std::string& path, unsigned mode,
                                   LogSink::Flush flush) {
    auto file = open_log(path, mode);
    if (!file) throw std::runtime_error(fmt::format("cannot write {}: {}", name, std::strerror(errno)));
    auto sink = std::make_shared<LogSink>(std::move(file), flush, lost);
    sink->reopens_at(path, mode);
    sink->on_change(teller(std::move(name), false));
    logs().files.push_back(sink);
    return sink;
}

std::shared_ptr<LogSink> standard_sink(std::string name, int descriptor, LogSink::Flush flush) {
    auto sink =
        std::make_shared<LogSink>(pods::UniqueFd(::fcntl(descriptor, F_DUPFD_CLOEXEC, 0)), flush, lost);
    sink->on_change(teller(std::move(name), descriptor == STDERR_FILENO));
    return sink;
}

}  // namespace

std::uint64_t lost_log_lines() {
    auto sum = lost.load();
    for (const auto& pool : {logs().requests, logs().others})
        if (pool) sum += pool->overrun_counter();
    return sum;
}

void reopen_logs() {
    for (const auto& file : logs().files) file->reopen();
    for (const auto& each : logs().loggers) each->flush();  // by its thread, even if nobody says anything
}

void shut_down_logging() {
    logs().loggers.clear();
    spdlog::shutdown();
    for (auto* pool : {&logs().requests, &logs().others}) pool->reset();  // writes what waits
}

void set_up_logging(const manifest::Log& log) {
    logs().requests = std::make_shared<spdlog::details::thread_pool>(queued_requests, 1);
    logs().others = std::make_shared<spdlog::details::thread_pool>(queued_others, 1);
    const bool json = as_json(log, STDERR_FILENO), terminal = ::isatty(STDERR_FILENO) != 0;
    auto sink = standard_sink("the gateway's own log", STDERR_FILENO, LogSink::Flush::each_line);
    count_overruns(*sink, logs().others);
    auto made = logger("pilotlight", std::move(sink), logs().others);
    made->set_formatter(std::make_unique<LogLines>(json       ? LogFormat::json
                                                   : terminal ? LogFormat::coloured
                                                              : LogFormat::text));
    proxy::set_up_logs(made);
    proxy::set_log_levels(log);
    spdlog::flush_every(std::chrono::seconds(1));
}

std::shared_ptr<spdlog::logger> make_audit_logger(const manifest::Log& log) {
    std::shared_ptr<spdlog::logger> made;
    if (log.audit == "log") {
        made = spdlog::default_logger()->clone(std::string(audit_logger));
    } else {
        spdlog::drop(std::string(audit_logger));
        made = logger(
            std::string(audit_logger),
            file_sink(fmt::format("the audit log {}", log.audit), log.audit, 0640, LogSink::Flush::each_line),
            logs().others);
        made->set_pattern("%v");
    }
    made->set_level(spdlog::level::info);
    return made;
}

proxy::AccessLog make_access_log(const manifest::Log& log) {
    if (log.access == "off") return {};
    const bool to_stdout = log.access == "stdout";
    const bool terminal = to_stdout && ::isatty(STDOUT_FILENO) != 0;
    const auto flush = terminal ? LogSink::Flush::each_line : LogSink::Flush::when_full;
    auto sink = to_stdout ? standard_sink("the request log on standard output", STDOUT_FILENO, flush)
                          : file_sink(fmt::format("the request log {}", log.access), log.access, 0644, flush);
    count_overruns(*sink, logs().requests);
    auto made = logger("access", std::move(sink), logs().requests);
    made->set_pattern("%v");
    made->set_level(spdlog::level::info);
    return {made, !to_stdout || as_json(log, STDOUT_FILENO)};
}

}  // namespace cli
