// The trace of one request on its way. On the worker's thread; goes into the queue when both halves of the
// request are over, the client's and the pod's.
#pragma once

#include <memory>
#include <string>

#include "proxy/tracing/context.hpp"
#include "proxy/tracing/queue.hpp"

namespace proxy {

class Trace {
public:
    Trace(TraceQueue& queue, TraceContext context, pods::TimePoint began);
    Trace(const Trace&) = delete;
    ~Trace();

    TraceRecord& record() { return record_; }
    std::string traceparent_for_pod() const;  // the next try's
    // Each try has a span of its own; `head_for_pod` names it.
    void begin_try(std::string& head_for_pod, std::string pod, std::string address, std::uint16_t port,
                   pods::TimePoint now);
    // Of the one that has begun, once; later calls say nothing.
    void end_try(pods::TimePoint now, int status, std::string_view error = {}, std::string description = {});
    void end(pods::TimePoint now) { record_.ended = now; }

private:
    TraceQueue& queue_;
    TraceRecord record_;
    std::uint64_t next_span_id_;
    bool trying_ = false;
};

// The context that a head brings, its tracestate too; empty: none, or not one, or more than one.
class RequestHead;
std::optional<TraceContext> given_context(const RequestHead&);

}  // namespace proxy
