// Lines to a descriptor, by the thread that writes logs. A disk that is full loses lines, and so does a pipe
// that nobody reads, after a moment of patience: they are counted, and nobody waits for longer.
#pragma once

#include <spdlog/sinks/base_sink.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <mutex>
#include <string>

#include "pods/unique_fd.hpp"

namespace cli {

// To append to, made if it is not there; empty: errno says why. Does not wait for the reader of a named pipe:
// where there is none, that is an error (ENXIO).
pods::UniqueFd open_log(const std::filesystem::path&, unsigned mode);

class LogSink : public spdlog::sinks::base_sink<std::mutex> {
public:
    enum class Flush { each_line, when_full };
    enum class Told { trouble, well_again, reopened, not_reopened };
    // What became of it, by the thread that writes: `lost` lines since it was told last, and why.
    using Tell = std::function<void(Told, std::uint64_t lost, const std::string& why)>;

    LogSink(pods::UniqueFd file, Flush when, std::atomic<std::uint64_t>& lost,
            std::chrono::milliseconds patience = std::chrono::seconds(1))
        : file_(std::move(file)), flush_when_(when), lost_(lost), patience_(patience) {}

    // Before it is used. Trouble that comes and goes is told so often at most.
    void on_change(Tell tell, std::chrono::milliseconds between_words = std::chrono::seconds(2));
    // Lines that were lost on the way here, ever.
    void counts_also(std::function<std::uint64_t()> before) { lost_before_ = std::move(before); }
    void reopens_at(std::filesystem::path path, unsigned mode);
    // Any thread: what is written from the next line or flush on goes to what stands at its path then.
    void reopen() { reopen_ = true; }

private:
    void sink_it_(const spdlog::details::log_msg&) override;
    void flush_() override;
    void write_out();
    void take_new_file();
    std::size_t write_lines(std::string_view lines);  // octets that were taken; if not all, why_ says why
    void lose(std::string_view lines);
    void took();

    using Clock = std::chrono::steady_clock;

    pods::UniqueFd file_;
    Flush flush_when_;
    std::atomic<std::uint64_t>& lost_;
    std::chrono::milliseconds patience_, between_words_{0};
    Tell tell_;
    std::filesystem::path path_;
    unsigned mode_ = 0;
    std::atomic<bool> reopen_{false};
    std::string lines_;
    bool stuck_ = false;  // patience was in vain: none until something goes again
    bool torn_ = false;   // the last line there has no end
    bool trouble_ = false;
    std::function<std::uint64_t()> lost_before_;
    std::uint64_t lost_since_told_ = 0, seen_lost_before_ = 0;
    std::string why_;
    Clock::time_point told_at_{};
};

}  // namespace cli
