// A pod's log on its way to somebody: the rotated files of pods/log_file.hpp (NAME, NAME.1 ...) read as one
// text, from so many lines before its end, and on as it grows. Reads files and nothing else; never more than
// asked for at once.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "pods/unique_fd.hpp"

namespace admin {

// What of a log, in the words of Kubernetes' PodLogOptions (k8s.io/api core/v1 types.go).
struct LogWish {
    std::string name_space, pod, file;
    bool follow = false;
    std::optional<std::uint64_t> tail_lines, limit_bytes;
    std::optional<std::chrono::system_clock::time_point> since;
};

class PodLog {
public:
    explicit PodLog(const LogWish&);

    // The next octets. Empty: that is all there is for now; for one who does not follow, all there was when
    // the log was opened.
    std::string take(std::size_t most = 64 << 10);
    bool limited() const { return left_ == 0; }  // as much as limit_bytes allows was taken

private:
    struct Part {
        pods::UniqueFd fd;
        std::uint64_t inode = 0, at = 0, end = 0;
    };
    std::optional<Part> open(const std::string& path) const;
    void open_all(const LogWish&);
    void seek_lines(std::uint64_t lines);
    std::string read(Part&, std::size_t most);
    void go_on();

    std::string path_;
    bool follow_;
    std::uint64_t left_;
    std::deque<Part> parts_;  // the oldest first; the last one may grow
    bool lost_ = false;       // some of it was rotated away unread
};

}  // namespace admin
