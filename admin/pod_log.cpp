#include "admin/pod_log.hpp"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
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
std::uint64_t line_back(int fd, std::uint64_t begin, std::uint64_t end, std::uint64_t& lines) {
    std::string block(64 << 10, '\0');
    for (auto at = end; at > begin;) {
        const auto size = std::min<std::uint64_t>(block.size(), at - begin);
        at -= size;
        const auto got = ::pread(fd, block.data(), size, static_cast<off_t>(at));
        if (got <= 0) return at;
        for (auto i = static_cast<std::uint64_t>(got); i-- > 0;) {
            if (block[i] != '\n') continue;
            if (lines == 0) return at + i + 1;
            --lines;
        }
    }
    return begin;
}

// The first line that begins at `from` or after it.
std::uint64_t line_on(int fd, std::uint64_t from, std::uint64_t end) {
    std::string block(4 << 10, '\0');
    for (auto at = from == 0 ? 0 : from - 1; from > 0 && at < end;) {
        const auto got = ::pread(fd, block.data(), std::min<std::uint64_t>(block.size(), end - at),
                                 static_cast<off_t>(at));
        if (got <= 0) return at;
        const auto feed = block.find('\n');
        if (feed < static_cast<std::size_t>(got)) return at + feed + 1;
        at += static_cast<std::uint64_t>(got);
    }
    return from == 0 ? 0 : end;
}

std::int64_t microseconds_of(std::chrono::system_clock::time_point time) {
    return std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch()).count();
}

// RFC 3339, as kubelet's logs have it.
std::string written_at(std::int64_t microseconds) {
    const auto seconds = static_cast<std::time_t>(microseconds / 1'000'000);
    return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:06d}Z ", fmt::gmtime(seconds), microseconds % 1'000'000);
}

}  // namespace

PodLog::PodLog(const LogWish& wish)
    : path_(wish.file),
      follow_(wish.follow),
      left_(wish.limit_bytes.value_or(std::numeric_limits<std::uint64_t>::max())),
      timestamps_(wish.timestamps) {
    open_all();
    if (wish.since) leave_out_before(microseconds_of(*wish.since));
    if (wish.tail_lines) seek_lines(*wish.tail_lines);
}

std::optional<PodLog::Part> PodLog::open(const std::string& path) const {
    Part out;
    out.fd = pods::UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
    struct stat info {};
    if (!out.fd || ::fstat(out.fd.get(), &info) != 0 || !S_ISREG(info.st_mode)) return std::nullopt;
    out.inode = static_cast<std::uint64_t>(info.st_ino);
    out.end = static_cast<std::uint64_t>(info.st_size);
    out.changed = static_cast<std::int64_t>(info.st_mtime) * 1'000'000;
    out.times_fd = pods::UniqueFd(
        ::open(pods::log_times_name(path).c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
    if (inode_at(path) != out.inode) out.times_fd.reset();  // rotated between the two: they are no pair
    return out;
}

// What has been added to the times since the last look.
void PodLog::read_times(Part& part) {
    std::array<pods::LogTime, 256> some{};
    while (part.times_fd) {
        const auto got = ::pread(part.times_fd.get(), some.data(), sizeof some,
                                 static_cast<off_t>(part.times.size() * sizeof(pods::LogTime)));
        const auto records = got > 0 ? static_cast<std::size_t>(got) / sizeof(pods::LogTime) : 0;
        part.times.insert(part.times.end(), some.begin(),
                          some.begin() + static_cast<std::ptrdiff_t>(records));
        if (records < some.size()) return;
    }
}

// Without times of its parts a file is left out as a whole.
void PodLog::leave_out_before(std::int64_t time) {
    for (auto i = parts_.size(); i-- > 0;) {
        auto& part = parts_[i];
        read_times(part);
        const auto first =
            std::ranges::find_if(part.times, [&](const pods::LogTime& one) { return one.time >= time; });
        if (part.times.empty() ? part.changed >= time : first == part.times.begin()) continue;
        part.at = first == part.times.end() || part.times.empty()
                      ? part.end
                      : line_on(part.fd.get(), std::min(first->offset, part.end), part.end);
        parts_.erase(parts_.begin(), parts_.begin() + static_cast<std::ptrdiff_t>(i));
        return;
    }
}

// The newest first: what a rotation moves meanwhile is then met twice and never missed.
void PodLog::open_all() {
    for (int number = 0; number <= most_files; ++number) {
        auto part = open(old_name(path_, number));
        if (!part) {
            if (number > 1) break;  // between two renames NAME, or NAME.1, is missing for a moment
            continue;
        }
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
        const auto begin = part.at;
        part.at = line_back(part.fd.get(), begin, part.end, lines);
        if (part.at == begin) continue;
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
    const auto begin = part.at;
    part.at += out.size();
    left_ -= out.size();
    return timestamps_ ? with_times(part, begin, out) : out;
}

std::string PodLog::with_times(Part& part, std::uint64_t begin, std::string_view text) {
    read_times(part);
    std::string out;
    while (!text.empty()) {
        const auto feed = text.find('\n');
        const auto line = text.substr(0, feed == text.npos ? feed : feed + 1);
        if (line_begins_) {
            const auto after =
                std::ranges::upper_bound(part.times, begin, std::ranges::less{}, &pods::LogTime::offset);
            out += written_at(part.times.empty()            ? part.changed
                              : after == part.times.begin() ? after->time
                                                            : std::prev(after)->time);
        }
        out += line;
        line_begins_ = feed != text.npos;
        begin += line.size();
        text.remove_prefix(line.size());
    }
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
