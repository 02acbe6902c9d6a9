// What of a request's way goes into its trace.
#include <boost/asio.hpp>

#include "proxy/traffic/text.hpp"
#include "proxy/traffic/visit.hpp"

namespace proxy {

// Null: it is not traced.
std::unique_ptr<Trace> Visit::begin_trace(const RequestHead& head) {
    const auto given = given_context(head);
    const bool trusted = routing_->trusts(arrival_.address);
    auto context = sample(*routing_->tracing, given, trusted, random64(), random64());
    if (!context) return nullptr;
    return std::make_unique<Trace>(worker_.shared().traces, std::move(*context), began_);
}

void Visit::trace_wait(TimePoint since, Lease& lease) {
    auto& x = *exchange_;
    TracedWait wait;
    wait.began = since, wait.ended = Clock::now();
    const auto waited = lease.waiter().waited;
    const bool only_cold = waited.queue == Duration::zero();
    if (lease.granted())
        wait.cold = only_cold ? wait.ended - since : waited.cold;
    else if (x.service->gate->overview(wait.ended).ready_pods == 0)
        wait.cold = wait.ended - since;
    const bool at_once = lease.granted() && waited.cold + waited.queue == Duration::zero();
    if (!at_once) x.trace->record().waits.push_back(wait);
}

void Visit::end_trace() {
    if (unrouted_ && routing_->tracing && !exchange_) {
        if (auto trace = begin_trace(*unrouted_)) fill(*trace, *unrouted_);
        return;
    }
    if (!exchange_ || !exchange_->trace) return;
    auto& x = *exchange_;
    auto& trace = *x.trace;
    // A conversation of Gradio's (W) has no errand.
    const bool conversed = trace.record().tries.empty() && x.handed_over != TimePoint{} && x.backend;
    if (conversed) {
        const auto waited = x.waited.queue + x.waited.cold;
        if (waited > Duration::zero())
            trace.record().waits.push_back({x.handed_over - waited, x.handed_over, x.waited.cold});
        trace.begin_try(x.head_for_pod, x.backend->name, x.backend->endpoint.address().to_string(),
                        x.backend->endpoint.port(), x.handed_over);
        trace.end_try(x.pod_done != TimePoint{} ? x.pod_done : Clock::now(), record_.status,
                      record_.refusal ? describe(*record_.refusal).label : std::string_view{});
    }
    fill(trace, x.head);
}

void Visit::fill(Trace& trace, const RequestHead& head) const {
    auto& to = trace.record();
    to.request_id = record_.request_id;
    to.method = head.method(), to.host = head.host(), to.path = head.path();
    to.scheme = arrival_.tls != nullptr ? "https" : "http";
    to.client = record_.client;
    to.user_agent = head.first("User-Agent");
    to.protocol = head.http2() ? "2" : head.minor_version() == 0 ? "1.0" : "1.1";
    to.service = record_.service, to.key = record_.key;
    if (exchange_) to.revision = exchange_->service->revision;
    to.request_class = record_.request_class;
    to.status = record_.status;
    if (record_.refusal) to.refusal = describe(*record_.refusal).label;
    to.waiting_page = record_.waiting_page;
    to.bytes_in = record_.bytes_in, to.bytes_out = record_.bytes_out;
    trace.end(Clock::now());
}

}  // namespace proxy
