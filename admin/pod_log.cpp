#include "admin/pod_log.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <limits>

namespace admin {
namespace {

constexpr int most_files = 1000;  // more old files than anybody keeps
constexpr std::string_view gap =
    "[pilotlight: the log was rotated meanwhile; some of it may be missing here]\n";

std::string old_name(const std::string& path, int number) {
    return number == 0 ? path : path + "." + std::to_string(number);
}

std::uint64_t inode_at(const std::string& path) {
    struct stat info {};
    return ::stat(path.c_str(), &info) == 0 ? static_cast<std::uint64_t>(info.st_ino) : 0;
}

// Where a line begins that has `lines` line feeds up to `end`, the one at the very end included; how many are
// missing yet goes back in `lines`.
std::uint64_t line_back(int fd, std::uint64_t end, std::uint64_t& lines) {
    std::string block(64 << 10, '\0');
    for (auto at = end; at > 0;) {
        const auto size = std::min<std::uint64_t>(block.size(), at);
        at -= size;
        const auto got = ::pread(fd, block.data(), size, static_cast<off_t>(at));
        if (got <= 0) return at;
        for (auto i = static_cast<std::uint64_t>(got); i-- > 0;) {
            if (block[i] != '\n') continue;
            if (lines == 0) return at + i + 1;
            --lines;
        }
    }
    return 0;
}

}  // namespace

PodLog::PodLog(const LogWish& wish)
    : path_(wish.file),
      follow_(wish.follow),
      left_(wish.limit_bytes.value_or(std::numeric_limits<std::uint64_t>::max())) {
    open_all(wish);
    if (wish.tail_lines) seek_lines(*wish.tail_lines);
}

std::optional<PodLog::Part> PodLog::open(const std::string& path) const {
    Part out;
    out.fd = pods::UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
    struct stat info {};
    if (!out.fd || ::fstat(out.fd.get(), &info) != 0 || !S_ISREG(info.st_mode)) return std::nullopt;
    out.inode = static_cast<std::uint64_t>(info.st_ino);
    out.end = static_cast<std::uint64_t>(info.st_size);
    return out;
}

// The newest first: what a rotation moves meanwhile is then met twice and never missed.
void PodLog::open_all(const LogWish& wish) {
    for (int number = 0; number <= most_files; ++number) {
        auto part = open(old_name(path_, number));
        if (!part) {
            if (number > 1) break;  // between two renames NAME, or NAME.1, is missing for a moment
            continue;
        }
        struct stat info {};
        if (number > 0 && wish.since && ::fstat(part->fd.get(), &info) == 0 &&
            std::chrono::system_clock::from_time_t(info.st_mtime) < *wish.since)
            break;
        if (parts_.empty() || parts_.front().inode != part->inode) parts_.push_front(std::move(*part));
    }
}

void PodLog::seek_lines(std::uint64_t lines) {
    // A last line that has no line feed yet is one too.
    char last = '\n';
    if (!parts_.empty() && parts_.back().end > 0 &&
        ::pread(parts_.back().fd.get(), &last, 1, static_cast<off_t>(parts_.back().end - 1)) == 1 &&
        last != '\n' && lines > 0)
        --lines;
    else if (lines == 0) {
        while (parts_.size() > 1) parts_.pop_front();
        if (!parts_.empty()) parts_.back().at = parts_.back().end;
        return;
    }
    for (auto i = parts_.size(); i-- > 0;) {
        auto& part = parts_[i];
        part.at = line_back(part.fd.get(), part.end, lines);
        if (part.at == 0) continue;
        parts_.erase(parts_.begin(), parts_.begin() + static_cast<std::ptrdiff_t>(i));
        return;
    }
}

std::string PodLog::read(Part& part, std::size_t most) {
    std::uint64_t size = std::min<std::uint64_t>(most, left_);
    if (!follow_) size = std::min(size, part.end - std::min(part.end, part.at));
    std::string out(size, '\0');
    const auto got = ::pread(part.fd.get(), out.data(), size, static_cast<off_t>(part.at));
    out.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    part.at += out.size();
    left_ -= out.size();
    return out;
}

std::string PodLog::take(std::size_t most) {
    if (parts_.empty() && follow_)
        if (auto first = open(path_)) parts_.push_back(std::move(*first));
    while (!parts_.empty() && left_ > 0) {
        auto out = read(parts_.front(), most);
        if (!out.empty()) return out;
        if (parts_.size() > 1) {
            parts_.pop_front();
            continue;
        }
        if (!follow_ || inode_at(path_) == parts_.front().inode) break;
        out = read(parts_.front(), most);  // what was written between the last look and the rotation
        if (!out.empty()) return out;
        const auto before = parts_.front().inode;
        go_on();
        if (std::exchange(lost_, false)) return std::string(gap);
        if (parts_.front().inode == before) break;
    }
    return {};
}

// The file that was read to its end has been rotated: on with the ones that came after it. A reader so slow
// that its file was removed meanwhile goes on with the oldest that is left, and is told.
void PodLog::go_on() {
    const auto known = parts_.front().inode;
    std::deque<Part> next;
    for (int number = 0; number <= most_files; ++number) {
        auto part = open(old_name(path_, number));
        if (!part) {
            if (number > 1) break;
            continue;
        }
        if (part->inode == known) {
            if (next.empty()) return;  // not rotated after all, or only half: look again later
            parts_ = std::move(next);
            return;
        }
        if (next.empty() || next.front().inode != part->inode) next.push_front(std::move(*part));
    }
    if (next.empty()) return;
    lost_ = true;
    parts_ = std::move(next);
}

}  // namespace admin
