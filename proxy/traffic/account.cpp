// A request's head as the pod gets it, and what is written down about a request when it is over.
#include <boost/asio.hpp>
#include <ctime>

#include "proxy/traffic/forward.hpp"
#include "proxy/traffic/text.hpp"
#include "proxy/traffic/visit.hpp"

namespace proxy {

std::optional<Binding> Visit::binding_of(const Service& service, const RequestHead& head) const {
    if (!service.affinity.cookie) return std::nullopt;
    const auto now = std::time(nullptr);
    for (const auto& field : head.fields()) {
        if (!same_name(field.name, "Cookie")) continue;
        for (const auto value : cookies_named(field.value, service.affinity.cookie_name))
            if (auto binding = worker_.shared().cookie_key.open(value, service.key, now,
                                                                service.affinity.cookie_timeout))
                return binding;
    }
    return std::nullopt;
}

namespace {

// W3C Trace Context section 3.2: ids of a trace that is not sampled.
std::string new_traceparent() {
    std::string trace;
    trace.reserve(55);
    trace += "00-";
    append_hex(trace, random64());
    append_hex(trace, random64());
    trace += '-';
    append_hex(trace, random64());
    return trace += "-00";
}

}  // namespace

std::string Visit::request_for_pod() const {
    const auto& x = *exchange_;
    const auto& head = x.head;
    const auto given = head.first("traceparent");
    const bool its_own = is_traceparent(given) && head.has_one("traceparent");
    const auto trace = x.trace   ? x.trace->traceparent_for_pod()
                       : its_own ? std::string(given)
                                 : new_traceparent();
    ToPod to;
    to.client_address = arrival_.peer;
    to.tls = arrival_.tls != nullptr;
    to.client_certificate = arrival_.certificate;
    to.client_trusted = x.routing->trusts(arrival_.address);
    to.request_id = record_.request_id;
    to.traceparent = trace;
    to.websocket = head.websocket();
    to.identity = x.stream && !head.websocket();
    to.hide_keys = x.service->keys && !x.service->keys->settings().forward_key;
    if (x.service->affinity.cookie) to.hide_cookie = x.service->affinity.cookie_name;
    const bool usually_has_body =
        head.method() == "POST" || head.method() == "PUT" || head.method() == "PATCH";
    if (head.framing() != Framing::none || usually_has_body) to.content_length = x.body.size();
    return proxy::request_for_pod(head, to);
}

void Visit::log() {
    over_ = true;
    record_.total = Clock::now() - began_;
    if (exchange_) {
        const auto& x = *exchange_;
        auto& metrics = *x.service->metrics;
        if (x.backend) record_.pod = x.backend->name;
        record_.queue = x.waited.queue;
        record_.cold = x.waited.cold;
        record_.retries = x.retries;
        if (x.trace) record_.trace_id = x.trace->record().context.trace_id;
        const bool answered = x.handed_over != TimePoint{};
        if (answered)
            record_.pod_time = (x.pod_done != TimePoint{} ? x.pod_done : Clock::now()) - x.handed_over;
        if (record_.waiting_page) {
            metrics.waiting_pages.fetch_add(1, std::memory_order_relaxed);
        } else {
            const auto status_class =
                record_.status == 499 ? 0u : static_cast<unsigned>(record_.status / 100) % 6;
            metrics.responses[status_class].fetch_add(1, std::memory_order_relaxed);
            metrics.duration[status_class].observe(record_.total);
            if (answered) metrics.invocation[status_class].observe(record_.pod_time);
        }
        metrics.bytes_in.fetch_add(record_.bytes_in, std::memory_order_relaxed);
        metrics.bytes_out.fetch_add(record_.bytes_out, std::memory_order_relaxed);
        if (key_ && record_.refusal == Refusal::key_limit)
            key_->over_limit.fetch_add(1, std::memory_order_relaxed);
        if (record_.refusal)
            metrics.refused[static_cast<std::size_t>(*record_.refusal)].fetch_add(1,
                                                                                  std::memory_order_relaxed);
        const bool had_a_slot = std::string_view("GJW").find(record_.request_class) != std::string_view::npos;
        if (had_a_slot && answered) {
            metrics.queue_wait.observe(record_.queue);
            metrics.cold_wait.observe(record_.cold);
            metrics.pod_time.observe(record_.pod_time);
            metrics.generation.observe(record_.total);
            metrics.generation_fine.observe(record_.total);
        }
        if (had_a_slot) worker_.shared().generations.add(generation(record_));
    }
    if (routing_->tracing) end_trace();
    worker_.shared().access_log.write(record_);
}

}  // namespace proxy
