#include "proxy/tracing/trace.hpp"

#include "proxy/traffic/head.hpp"
#include "proxy/traffic/text.hpp"

namespace proxy {

Trace::Trace(TraceQueue& queue, TraceContext context, pods::TimePoint began)
    : queue_(queue), next_span_id_(random64()) {
    using std::chrono::nanoseconds, std::chrono::duration_cast;
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const auto here = pods::Clock::now().time_since_epoch();
    record_.context = std::move(context);
    record_.span_id = random64();
    record_.unix_offset = (duration_cast<nanoseconds>(now) - duration_cast<nanoseconds>(here)).count();
    record_.began = began;
}

Trace::~Trace() {
    if (record_.ended == pods::TimePoint{}) return;  // an exception ended it: nothing to be said
    if (trying_) end_try(std::max(record_.ended, record_.tries.back().began), 0);
    queue_.put(std::move(record_));
}

std::string Trace::traceparent_for_pod() const {
    return write_traceparent(record_.context, next_span_id_);
}

void Trace::begin_try(std::string& head_for_pod, std::string pod, std::string address, std::uint16_t port,
                      pods::TimePoint now) {
    TracedTry one;
    one.span_id = next_span_id_;
    one.pod = std::move(pod), one.address = std::move(address), one.port = port;
    one.began = one.ended = now;
    constexpr std::string_view field = "\r\ntraceparent: ";
    const auto written = traceparent_for_pod();
    if (const auto at = head_for_pod.find(field); at != std::string::npos)
        head_for_pod.replace(at + field.size(), written.size(), written);
    record_.tries.push_back(std::move(one));
    next_span_id_ = random64();
    trying_ = true;
}

void Trace::end_try(pods::TimePoint now, int status, std::string_view error, std::string description) {
    if (!std::exchange(trying_, false)) return;
    auto& one = record_.tries.back();
    one.ended = now, one.status = status, one.error = error, one.description = std::move(description);
}

std::optional<TraceContext> given_context(const RequestHead& head) {
    if (!head.has_one("traceparent")) return std::nullopt;
    auto out = parse_traceparent(head.first("traceparent"));
    if (!out) return out;
    std::string state;
    for (const auto& field : head.fields())
        if (same_name(field.name, "tracestate")) {
            if (!state.empty()) state += ',';
            state += field.value;
        }
    if (is_tracestate(state)) out->tracestate = std::move(state);
    return out;
}

}  // namespace proxy
