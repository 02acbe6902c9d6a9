#include "cli/log_sink.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>

namespace cli {

namespace {
constexpr std::size_t full = 32 << 10;
}

pods::UniqueFd open_log(const std::filesystem::path& path, unsigned mode) {
    return pods::UniqueFd(
        ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, mode));
}

void LogSink::on_change(Tell tell, std::chrono::milliseconds between_words) {
    tell_ = std::move(tell);
    between_words_ = between_words;
}

void LogSink::reopens_at(std::filesystem::path path, unsigned mode) {
    path_ = std::move(path);
    mode_ = mode;
}

void LogSink::sink_it_(const spdlog::details::log_msg& message) {
    if (reopen_) take_new_file();
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    lines_.append(line.data(), line.size());
    if (flush_when_ == Flush::each_line || lines_.size() >= full) write_out();
}

void LogSink::flush_() {
    if (reopen_) take_new_file();
    write_out();
}

// What was said before it is in the file before it.
void LogSink::take_new_file() {
    reopen_ = false;
    write_out();
    if (path_.empty()) return;
    auto file = open_log(path_, mode_);
    if (!file) {
        if (tell_) tell_(Told::not_reopened, 0, std::strerror(errno));
        return;
    }
    file_ = std::move(file);
    stuck_ = torn_ = false;
    if (tell_) tell_(Told::reopened, 0, {});
}

void LogSink::write_out() {
    if (torn_ && !lines_.empty() && write_lines("\n") == 1) torn_ = false;
    for (std::string_view left = lines_; !left.empty();) {
        // Whole lines, and no more than a pipe takes without blocking when it is writable (pipe(7),
        // PIPE_BUF).
        auto end = left.rfind('\n', PIPE_BUF - 1);
        if (end == std::string_view::npos) end = std::min(left.find('\n'), left.size() - 1);
        const auto piece = left.substr(0, end + 1);
        const auto taken = torn_ ? 0 : write_lines(piece);
        if (taken < piece.size())
            lose(piece.substr(taken));
        else
            took();
        if (taken > 0) torn_ = piece[taken - 1] != '\n';
        left.remove_prefix(piece.size());
    }
    lines_.clear();
}

std::size_t LogSink::write_lines(std::string_view lines) {
    std::size_t taken = 0;
    while (taken < lines.size()) {
        pollfd ready{file_.get(), POLLOUT, 0};
        const auto piece = lines.substr(taken, PIPE_BUF);
        if (::poll(&ready, 1, stuck_ ? 0 : static_cast<int>(patience_.count())) != 1) {
            stuck_ = true;
            why_ = "nobody takes what is written there";
            return taken;
        }
        const auto written = ::write(file_.get(), piece.data(), piece.size());
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) {
            why_ = std::strerror(errno);
            return taken;
        }
        stuck_ = false;
        taken += static_cast<std::size_t>(written);
    }
    return taken;
}

void LogSink::lose(std::string_view lines) {
    const auto count = static_cast<std::uint64_t>(std::ranges::count(lines, '\n'));
    lost_ += count;
    lost_since_told_ += count;
    if (std::exchange(trouble_, true) || !tell_ || told_at_ + between_words_ > Clock::now()) return;
    told_at_ = Clock::now();
    tell_(Told::trouble, count, why_);
}

void LogSink::took() {
    const auto before = lost_before_ ? lost_before_() : 0;
    if (before != seen_lost_before_) {
        lost_since_told_ += before - std::exchange(seen_lost_before_, before);
        if (!std::exchange(trouble_, true)) why_ = "they came faster than they were taken";
    }
    if (!trouble_ || !tell_ || told_at_ + between_words_ > Clock::now()) return;
    trouble_ = false;
    told_at_ = Clock::now();
    tell_(Told::well_again, std::exchange(lost_since_told_, 0), why_);
}

}  // namespace cli
