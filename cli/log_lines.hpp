// How a line of the gateway's own log looks: a sentence for people, or an object for programs. Whatever
// stands in it, it stays one line, and no terminal acts upon it.
#pragma once

#include <spdlog/formatter.h>

#include <memory>

namespace cli {

enum class LogFormat { text, coloured, json };

// Lines of this logger are JSON already: in JSON they stand as they are.
inline constexpr std::string_view audit_logger = "audit";

class LogLines : public spdlog::formatter {
public:
    explicit LogLines(LogFormat format) : format_(format) {}
    void format(const spdlog::details::log_msg&, spdlog::memory_buf_t& out) override;
    std::unique_ptr<spdlog::formatter> clone() const override { return std::make_unique<LogLines>(format_); }

private:
    LogFormat format_;
};

}  // namespace cli
