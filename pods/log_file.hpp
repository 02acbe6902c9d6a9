// A pod's log, rotated by size: NAME, then NAME.1 (the newest old one) to NAME.n. It never fails: what cannot
// be written is dropped and counted, and the log says so where it goes on. Beside each, in NAME.times, stands
// when which part of it was written: what a pod writes stays as it is.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "pods/unique_fd.hpp"

namespace pods {

// What follows in the log from `offset` on was written at `time`, or up to log_time_apart later.
struct LogTime {
    std::int64_t time = 0;  // microseconds since 1970
    std::uint64_t offset = 0;
};
inline constexpr std::int64_t log_time_apart = 100'000;  // microseconds

inline std::string log_times_name(const std::string& log) {
    return log + ".times";
}

class LogFile {
public:
    // Appends to a log that exists. `bytes` is the most that one file holds, `files` how many old ones are
    // kept. An empty path drops everything.
    LogFile(std::string path, std::uint64_t bytes, int files);

    void write(std::string_view text);  // cut at the end of a line where it must go on in the next file
    std::uint64_t dropped() const { return dropped_; }  // bytes since the last one that could be written

private:
    void open();
    void rotate();
    void append(std::string_view text);
    void put(std::string_view text);  // without a look at the size
    void note_time();

    std::string path_;
    std::uint64_t bytes_;
    int files_;
    UniqueFd fd_, times_;
    std::int64_t noted_ = 0;  // the last time in times_
    std::uint64_t size_ = 0;
    std::uint64_t dropped_ = 0;
};

}  // namespace pods
