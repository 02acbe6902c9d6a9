// Jobs that a pod has accepted with an event id and works on afterwards, as Gradio 4 and 5 do: who holds a
// slot for one learns here what the streams of its session say of its end. Shared by all workers.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "proxy/gate.hpp"

namespace proxy {

class Jobs {
public:
    // Its errand's. `alarm` rings on the errand's own thread whenever one of the answers below has changed.
    struct Job {
        explicit Job(asio::io_context& io) : alarm(io, TimePoint::max()) {}
        Waiter::Timer alarm;

    private:
        friend class Jobs;
        std::string event, session;
        bool over = false;
    };

    // An end that was heard before it was begun counts: the stream may be faster than the answer.
    std::shared_ptr<Job> begin(asio::io_context&, std::string event, std::string session);
    void forget(const std::shared_ptr<Job>&);
    bool over(const Job&) const;
    bool watched(const Job&) const;  // somebody reads its session's stream

    // --- the streams'
    void opened(std::string_view session);
    void closed(std::string_view session);
    void ended(std::string_view event);
    bool pending(std::string_view session) const;  // jobs of that session are not over

private:
    static void ring(const std::shared_ptr<Job>&);

    static constexpr std::size_t remembered = 1024;  // ends that nobody waits for yet

    mutable std::mutex mutex_;
    std::vector<std::shared_ptr<Job>> jobs_;  // as many as slots are held for: few
    std::map<std::string, int, std::less<>> streams_;
    std::unordered_set<std::string> ended_;
    std::deque<std::string> ended_order_;
};

}  // namespace proxy
