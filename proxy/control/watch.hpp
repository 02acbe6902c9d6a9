// Looks at what the gateway has taken ten times a second, decides the level of load, and acts on it: idle
// connections are closed, whoever waits is turned away. On the control thread.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <functional>

#include "proxy/bounds/bounds.hpp"

namespace proxy {

namespace asio = boost::asio;

class Watch {
public:
    struct Asks {
        std::function<LoadSeen()> look;                      // without what the system counts
        std::function<void(std::size_t)> shed_idle;          // so many connections of each worker
        std::function<std::size_t()> shed_queue;             // how many were turned away
        std::function<void(Load, const std::string&)> tell;  // of a change
    };

    Watch(asio::io_context&, Bounds&, Asks);
    void start();
    void stop();
    const LoadSeen& last_seen() const { return seen_; }

private:
    void look();
    void arm();
    LoadSeen measure(pods::TimePoint now);
    void act(pods::TimePoint now);

    static constexpr std::chrono::milliseconds every{100};
    static constexpr std::chrono::seconds trim_every{1}, shed_every{1};
    static constexpr std::size_t idle_at_a_time = 64;

    Bounds& bounds_;
    Asks asks_;
    asio::steady_timer timer_;
    LoadLevel level_;
    LoadSeen seen_;
    std::uint64_t shortages_ = 0;
    pods::TimePoint trimmed_at_{}, shed_at_{};
    bool stopped_ = false;
};

}  // namespace proxy
