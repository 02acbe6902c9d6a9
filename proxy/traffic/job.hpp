// The end of a job that its pod answered at once (class J): what is watched for it, by what the rule says.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <deque>
#include <memory>

#include "proxy/traffic/exchange.hpp"
#include "proxy/traffic/json_peek.hpp"
#include "proxy/traffic/worker.hpp"

namespace proxy {

// Reads the ids that a pod's answer names: the answer of a J says under which one its job runs.
class AnswerIds : public AnswerListener {
public:
    void hear(std::string_view content) override { peek.feed(content); }
    void end() override {}
    bool wants_more() const override { return false; }

    JsonPeek peek;
};

// A stream of events (Gradio's queue/data and call/{fn}/{event_id}) that says when jobs are over.
class JobEvents : public AnswerListener {
public:
    // `event`: the only one that the stream is about, whatever the session; empty: each message names its
    // own.
    JobEvents(std::shared_ptr<Jobs>, std::string session, std::string event);
    ~JobEvents() override;
    void hear(std::string_view content) override;
    void end() override;
    bool wants_more() const override;

private:
    void line_is_over();

    std::shared_ptr<Jobs> jobs_;
    void all_ended();

    static constexpr std::size_t most_heard = 64;
    std::string session_, event_;
    std::deque<std::string> heard_;  // events that it has told of: its end is theirs, and no other's
    std::string line_;               // its front
    JsonPeek message_;
    bool is_message_ = false;
};

// Returns when the pod has ended the job, when the pod is gone, or when the service's timeout is over; the
// caller keeps the slot until then. The request and its answer are in `x`.
asio::awaitable<void> until_job_is_over(Worker&, Exchange& x);

}  // namespace proxy
