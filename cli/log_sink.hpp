// Lines to a descriptor, by the thread that writes logs. A disk that is full loses lines, and so does a pipe
// that nobody reads, after a moment of patience: they are counted, and nobody waits for longer.
#pragma once

#include <spdlog/sinks/base_sink.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>

#include "pods/unique_fd.hpp"

namespace cli {

class LogSink : public spdlog::sinks::base_sink<std::mutex> {
public:
    enum class Flush { each_line, when_full };
    LogSink(pods::UniqueFd file, Flush when, std::atomic<std::uint64_t>& lost,
            std::chrono::milliseconds patience = std::chrono::seconds(1))
        : file_(std::move(file)), flush_when_(when), lost_(lost), patience_(patience) {}

private:
    void sink_it_(const spdlog::details::log_msg&) override;
    void flush_() override;
    bool write_lines(std::string_view lines);

    pods::UniqueFd file_;
    Flush flush_when_;
    std::atomic<std::uint64_t>& lost_;
    std::chrono::milliseconds patience_;
    std::string lines_;
    bool stuck_ = false;  // patience was in vain: none until something goes again
};

}  // namespace cli
