// What the dashboard in web/ asks for: its three files, the history, the timeline of the pods, and a frame a
// second for its one stream. It takes in snapshots and is asked on the control thread; what it writes to
// disk, it writes on a thread of its own.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "admin/api.hpp"
#include "admin/dashboard_text.hpp"

namespace admin {

struct FrameStream {};  // the answer is a stream of frames (text/event-stream)

class Dashboard {
public:
    // `generations` may be null; `file` is where the history outlives a restart, empty: nowhere.
    Dashboard(const proxy::Generations* generations, std::filesystem::path file);
    ~Dashboard();  // after save(), if the last minute shall be kept
    Dashboard(const Dashboard&) = delete;
    Dashboard& operator=(const Dashboard&) = delete;

    void load(WallTime now);
    void take(const Snapshot&, WallTime now);
    void save();

    // Empty: not a path of ours.
    std::optional<std::variant<Answer, FrameStream>> answer(const Request&, const Snapshot&) const;

    // Frames are numbered; whoever has seen this one waits for the next. The same text for all who look.
    std::uint64_t frame_number() const { return frame_number_; }
    std::shared_ptr<const std::string> frame(const Snapshot&);

    const History& history() const { return history_; }

private:
    Answer history_of(std::string_view service, bool day) const;
    std::vector<proxy::Generation> generations(std::uint64_t after) const;

    const proxy::Generations* generations_;
    std::filesystem::path file_;
    History history_;
    Lanes lanes_;
    std::uint64_t frame_number_ = 0;
    WallTime frame_time_{};
    Told told_, tells_;  // by the frames before this one, and with it
    std::shared_ptr<const std::string> frame_;
    std::uint32_t saved_minute_ = 0;
    std::thread saver_;
};

// Made at build time from web/dist.
struct Asset {
    std::string_view path, content_type, content;
};
const std::vector<Asset>& assets();

}  // namespace admin
