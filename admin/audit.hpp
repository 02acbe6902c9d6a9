// One line for each change of the admin address, and for each that was refused: who, what, of which object,
// and how it ended. Never a value of what was sent, which may be a secret. The text is pure.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include "admin/access.hpp"
#include "admin/words.hpp"

namespace admin {

struct Deed {
    Who who;
    std::string peer;  // "10.1.2.3 port 4711"
    std::string_view method, target, content_type, body, agent;
    int status = 0;
    std::string_view answer;  // its body: a Status says why
};

// JSON, without an end of line. `suppressed`: how many refused before it have no line.
std::string audit_line(const Deed&, WallTime now, std::uint64_t suppressed = 0);

// "spec.replicas, metadata.annotations.team": the names of what a change sets, a few of them.
std::string what_changes(std::string_view content_type, std::string_view body);

// Whoever knocks at a closed door cannot fill the log: a few lines at once, then one a second.
class Audit {
public:
    using Clock = std::chrono::steady_clock;
    using Sink = std::function<void(const std::string& line)>;
    static constexpr int burst = 20;

    explicit Audit(Sink sink) : sink_(std::move(sink)) {}

    void tell(const Deed&, Clock::time_point now, WallTime wall);

private:
    bool room(Clock::time_point now);

    Sink sink_;
    Clock::time_point filled_{};
    int room_ = burst;
    std::uint64_t suppressed_ = 0;
};

}  // namespace admin
