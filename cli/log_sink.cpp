#include "cli/log_sink.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>

namespace cli {

namespace {
constexpr std::size_t full = 32 << 10;
}

void LogSink::sink_it_(const spdlog::details::log_msg& message) {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    lines_.append(line.data(), line.size());
    if (flush_when_ == Flush::each_line || lines_.size() >= full) flush_();
}

void LogSink::flush_() {
    for (std::string_view left = lines_; !left.empty();) {
        // Whole lines, and no more than a pipe takes without blocking when it is writable (pipe(7),
        // PIPE_BUF).
        auto end = left.rfind('\n', PIPE_BUF - 1);
        if (end == std::string_view::npos) end = std::min(left.find('\n'), left.size() - 1);
        const auto piece = left.substr(0, end + 1);
        if (!write_lines(piece))
            lost_ += static_cast<std::uint64_t>(std::count(piece.begin(), piece.end(), '\n'));
        left.remove_prefix(piece.size());
    }
    lines_.clear();
}

bool LogSink::write_lines(std::string_view lines) {
    while (!lines.empty()) {
        pollfd ready{file_.get(), POLLOUT, 0};
        const auto piece = lines.substr(0, PIPE_BUF);
        if (::poll(&ready, 1, stuck_ ? 0 : static_cast<int>(patience_.count())) != 1) {
            stuck_ = true;
            return false;
        }
        const auto written = ::write(file_.get(), piece.data(), piece.size());
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return false;
        stuck_ = false;
        lines.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
}

}  // namespace cli
