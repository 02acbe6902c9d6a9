// The streams that a browser holds open for nothing but to say that a tab is there: Gradio 4's and 5's
// GET /heartbeat/{session_hash} (gradio/routes.py). Over HTTP/1.1 a browser opens six connections to a host,
// and each of these takes one as long as its tab is open: the sixth tab would be the last thing that moves.
// Shared by all workers.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace proxy {

// Whether a request with this method and path asks for such a stream.
bool is_heartbeat(std::string_view method, std::string_view path);

class Heartbeats : public std::enable_shared_from_this<Heartbeats> {
public:
    // Half of a browser's connections: the rest is for pages, progress, and the streams of running jobs.
    static constexpr std::size_t most = 3;

    // One stream, counted as long as this lives.
    class Held {
    public:
        Held(std::shared_ptr<Heartbeats> all, std::uint64_t browser)
            : all_(std::move(all)), browser_(browser) {}
        Held(Held&&) = default;
        Held& operator=(Held&&) = delete;
        ~Held() {
            if (all_) all_->release(browser_);
        }

    private:
        std::shared_ptr<Heartbeats> all_;
        std::uint64_t browser_;
    };

    // `browser`: the session in its cookie. Empty when it holds `most` already.
    std::optional<Held> hold(std::uint64_t browser);

private:
    void release(std::uint64_t browser);

    std::mutex mutex_;
    std::unordered_map<std::uint64_t, std::size_t> held_;  // no entry for a browser that holds none
};

// The whole answer to one more: a beat that ends at once. An EventSource comes back after a while, and holds
// the stream then if another tab was closed; @gradio/client takes an end for nothing (src/utils/stream.ts).
// The pod hears nothing: a session whose heartbeat never began does not end with it either.
std::string short_heartbeat(std::string_view request_id, bool close);

}  // namespace proxy
