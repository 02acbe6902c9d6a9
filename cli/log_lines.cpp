#include "cli/log_lines.hpp"

#include <fmt/format.h>
#include <spdlog/details/log_msg.h>

#include <array>
#include <iterator>
#include <string_view>

#include "proxy/log.hpp"
#include "proxy/traffic/refusal.hpp"
#include "proxy/traffic/text.hpp"

namespace cli {
namespace {

constexpr std::size_t longest_text = 16 << 10;  // of what a line says

struct Level {
    std::string_view name, colour;
};

// The manifest's words.
const Level& level_of(spdlog::level::level_enum level) {
    static constexpr std::array<Level, 7> all{{{"trace", "\x1b[2m"},
                                               {"debug", "\x1b[36m"},
                                               {"info", "\x1b[32m"},
                                               {"warn", "\x1b[33;1m"},
                                               {"error", "\x1b[31;1m"},
                                               {"critical", "\x1b[31;1m"},
                                               {"off", ""}}};
    return all[static_cast<std::size_t>(level)];
}

std::string_view view(spdlog::string_view_t text) {
    return {text.data(), text.size()};
}

}  // namespace

void LogLines::format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) {
    const auto to = std::back_inserter(out);
    const auto name = view(message.logger_name);
    auto [fields, text] = proxy::taken_apart(view(message.payload));
    text = text.substr(0, longest_text);
    const auto& level = level_of(message.level);
    if (format_ != LogFormat::json) {
        const bool colours = format_ == LogFormat::coloured;
        fmt::format_to(to, "{} {}{}{} {}: {}\n", proxy::rfc3339(message.time),
                       colours ? level.colour : std::string_view(), level.name, colours ? "\x1b[0m" : "",
                       name, proxy::escape_controls(text));
    } else if (name == audit_logger) {
        fmt::format_to(to, "{}\n", text);
    } else {
        fmt::format_to(to,
                       R"({{"time":"{}","level":"{}","subsystem":"{}","message":"{}"{}}})"
                       "\n",
                       proxy::rfc3339(message.time), level.name, name, proxy::json_escape(text), fields);
    }
}

}  // namespace cli
