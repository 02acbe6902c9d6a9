#include "pods/log_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>

namespace pods {

LogFile::LogFile(std::string path, std::uint64_t bytes, int files)
    : path_(std::move(path)), bytes_(std::max<std::uint64_t>(bytes, 1)), files_(std::max(files, 0)) {
    if (!path_.empty()) open();
}

void LogFile::open() {
    fd_ = UniqueFd(::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0640));
    struct stat info {};
    size_ = fd_ && ::fstat(fd_.get(), &info) == 0 ? static_cast<std::uint64_t>(info.st_size) : 0;
    times_ = UniqueFd(
        ::open(log_times_name(path_).c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0640));
    noted_ = 0;
    if (!times_ || ::fstat(times_.get(), &info) != 0) return;
    const auto torn = info.st_size % static_cast<off_t>(sizeof(LogTime));  // a full disk, a lost machine
    if (torn != 0 && ::ftruncate(times_.get(), info.st_size - torn) != 0) times_.reset();
}

// Before the text itself, so that no text is without a time. Nothing is lost but a time if that fails.
void LogFile::note_time() {
    using std::chrono::microseconds;
    const auto now =
        std::chrono::duration_cast<microseconds>(std::chrono::system_clock::now().time_since_epoch());
    const bool soon = now.count() >= noted_ && now.count() < noted_ + log_time_apart;
    if (!times_ || soon) return;
    const LogTime record{now.count(), size_};
    if (::write(times_.get(), &record, sizeof record) == static_cast<ssize_t>(sizeof record))
        noted_ = now.count();
}

void LogFile::rotate() {
    fd_.reset();
    times_.reset();
    const auto move = [](const std::string& from, const std::string& to) {
        ::rename(from.c_str(), to.c_str());
        ::rename(log_times_name(from).c_str(), log_times_name(to).c_str());
    };
    if (files_ == 0) {
        ::unlink(path_.c_str());
        ::unlink(log_times_name(path_).c_str());
    } else {
        for (int i = files_ - 1; i >= 1; --i)
            move(path_ + "." + std::to_string(i), path_ + "." + std::to_string(i + 1));
        move(path_, path_ + ".1");
    }
    open();
}

void LogFile::write(std::string_view text) {
    if (path_.empty()) return;
    while (!text.empty()) {
        if (!fd_) open();
        const std::uint64_t room = bytes_ - std::min(bytes_, size_);
        if (text.size() <= room) return append(text);
        const auto line = room == 0 ? text.npos : text.rfind('\n', room - 1);
        std::size_t fits = line == text.npos ? 0 : line + 1;
        if (size_ == 0 && fits == 0)
            fits = static_cast<std::size_t>(room);  // one line, longer than a whole file
        append(text.substr(0, fits));
        text.remove_prefix(fits);
        const bool was_open = bool(fd_);
        rotate();
        if (!was_open || !fd_ || size_ != 0) {  // the folder refuses us: no point in trying file after file
            append(text);
            return;
        }
    }
}

void LogFile::append(std::string_view text) {
    if (text.empty()) return;
    if (dropped_ > 0 && fd_) {
        const auto lost = dropped_;
        put("[pilotlight: " + std::to_string(lost) + " bytes of this log could not be written]\n");
        if (dropped_ != lost) {  // still full
            dropped_ = lost + text.size();
            return;
        }
        dropped_ = 0;
    }
    put(text);
}

void LogFile::put(std::string_view text) {
    if (fd_) note_time();
    while (!text.empty()) {
        const auto written = fd_ ? ::write(fd_.get(), text.data(), text.size()) : -1;
        if (written < 0 && fd_ && errno == EINTR) continue;
        if (written <= 0) {
            dropped_ += text.size();
            return;
        }
        size_ += static_cast<std::uint64_t>(written);
        text.remove_prefix(static_cast<std::size_t>(written));
    }
}

}  // namespace pods
