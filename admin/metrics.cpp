#include "admin/metrics.hpp"

#include <fmt/format.h>

#include <set>
#include <vector>

#include "admin/exposition.hpp"
#include "admin/metrics_scaling.hpp"

namespace admin {
namespace {

using proxy::Histogram;
using proxy::ServiceMetrics;
using proxy::Snapshot;

std::vector<ScrapedRevision> series_of(const Snapshot& snapshot) {
    std::vector<ScrapedRevision> out;
    for (const auto& view : snapshot.revisions) {
        ScrapedRevision one;
        one.view = &view;
        const auto space = escape_label(view.name_space), service = escape_label(view.service),
                   revision = escape_label(view.revision);
        one.old_labels =
            fmt::format(R"(namespace_name="{}",service_name="{}",configuration_name="{}",revision_name="{}")",
                        space, service, service, revision);
        one.new_labels = fmt::format(
            R"(k8s_namespace_name="{}",kn_service_name="{}",kn_configuration_name="{}",kn_revision_name="{}")",
            space, service, service, revision);
        // As Knative counts (pkg/resources/pods.go PodCountsByState): pending and terminating ones are not
        // ready either.
        for (const auto& pod : snapshot.pods) {
            if (pod.name_space != view.name_space || pod.revision != view.revision) continue;
            one.pending += pod.phase == pods::Phase::pending || pod.phase == pods::Phase::container_creating;
            one.terminating += pod.phase == pods::Phase::terminating;
            one.unready += pod.phase == pods::Phase::terminating || !pod.ready;
        }
        out.push_back(std::move(one));
    }
    return out;
}

// The counters belong to a service and its revisions may share them: each is told once, by the revision that
// takes the traffic, so that no sum counts a request twice.
std::vector<ScrapedRevision> counted(const std::vector<ScrapedRevision>& all) {
    std::vector<ScrapedRevision> out;
    std::set<const ServiceMetrics*> told;
    for (const bool retiring : {false, true})
        for (const auto& one : all)
            if (one.view->metrics && one.view->retiring == retiring &&
                told.insert(one.view->metrics.get()).second)
                out.push_back(one);
    return out;
}

std::string with_class(const std::string& labels, std::size_t response_class) {
    return fmt::format("{},response_code_class=\"{}xx\"", labels, response_class);
}

using ByClass = std::array<Histogram, 6> ServiceMetrics::*;

std::uint64_t count_of(const Histogram& values) {
    std::uint64_t out = 0;
    for (std::size_t i = 0; i <= Histogram::bounds.size(); ++i) out += values.count(i);
    return out;
}

// By class of 1xx (never sent as an answer), 2xx to 5xx; clients that left and waiting pages are told apart.
// Here stand the activator, the revision's queue proxy and the application behind it, in Knative's words: the
// first two are one in the gateway.
void responses(Text& text, const std::vector<ScrapedRevision>& all) {
    constexpr std::size_t first = 2, last = 5;
    const auto each = [&](const auto& visit) {
        for (const auto& one : all)
            for (auto i = first; i <= last; ++i) visit(one, *one.view->metrics, i);
    };
    const auto counts = [&](std::string_view name, std::string_view help, const auto& number) {
        text.family(name, "counter", help);
        each([&](const ScrapedRevision& one, const ServiceMetrics& m, std::size_t i) {
            text.sample(with_class(one.old_labels, i), number(m, i));
        });
    };
    const auto times = [&](std::string_view name, std::string_view help, ByClass member, double unit) {
        text.family(name, "histogram", help);
        each([&](const ScrapedRevision& one, const ServiceMetrics& m, std::size_t i) {
            text.histogram(with_class(unit == 1 ? one.new_labels : one.old_labels, i), (m.*member)[i], unit);
        });
    };
    const auto answered = [](const ServiceMetrics& m, std::size_t i) {
        return m.responses[i].load(std::memory_order_relaxed);
    };
    counts("revision_request_count", "The number of requests that are answered", answered);
    times("revision_request_latencies", "The response time in milliseconds", &ServiceMetrics::duration, 1000);
    counts("activator_request_count", "The number of requests that are answered at the activator", answered);
    times("activator_request_latencies", "The response time at the activator in milliseconds",
          &ServiceMetrics::duration, 1000);
    times("http_server_request_duration_seconds", "Duration of HTTP server requests",
          &ServiceMetrics::duration, 1);
    counts("revision_app_request_count", "The number of requests that pods answered",
           [](const ServiceMetrics& m, std::size_t i) { return count_of(m.invocation[i]); });
    times("revision_app_request_latencies", "The response time of pods in milliseconds",
          &ServiceMetrics::invocation, 1000);
    times("kn_serving_invocation_duration_seconds", "Duration of the pod's work on a request",
          &ServiceMetrics::invocation, 1);
}

void counters(Text& text, const std::vector<ScrapedRevision>& all) {
    const auto counter = [&](std::string_view name, std::string_view help, auto member) {
        text.family(name, "counter", help);
        for (const auto& one : all)
            text.sample(one.old_labels, member(*one.view->metrics).load(std::memory_order_relaxed));
    };
    counter(
        "pilotlight_client_left_total", "Requests whose client left before the answer",
        [](const ServiceMetrics& m) -> auto& { return m.responses[0]; });
    counter(
        "pilotlight_waiting_pages_total",
        "Navigations that met no pod and got the waiting page (503), which no response class counts",
        [](const ServiceMetrics& m) -> auto& { return m.waiting_pages; });
    counter(
        "pilotlight_retries_total", "Requests tried once more on another pod",
        [](const ServiceMetrics& m) -> auto& { return m.retries; });
    counter(
        "pilotlight_received_bytes_total", "Octets of request bodies from clients",
        [](const ServiceMetrics& m) -> auto& { return m.bytes_in; });
    counter(
        "pilotlight_sent_bytes_total", "Octets of response bodies to clients",
        [](const ServiceMetrics& m) -> auto& { return m.bytes_out; });

    text.family("pilotlight_refusals_total", "counter", "Requests that were turned away, by reason");
    for (const auto& one : all)
        for (std::size_t i = 0; i < ServiceMetrics::refusals; ++i)
            text.sample(fmt::format("{},reason=\"{}\"", one.old_labels,
                                    proxy::describe(static_cast<proxy::Refusal>(i)).label),
                        one.view->metrics->refused[i].load(std::memory_order_relaxed));
}

void waits(Text& text, const std::vector<ScrapedRevision>& all) {
    const auto histogram = [&](std::string_view name, std::string_view help, auto member) {
        text.family(name, "histogram", help);
        for (const auto& one : all) text.histogram(one.old_labels, one.view->metrics.get()->*member, 1);
    };
    histogram("pilotlight_queue_wait_seconds", "Wait for a slot while a pod was ready",
              &ServiceMetrics::queue_wait);
    histogram("pilotlight_cold_wait_seconds", "Wait for a slot while no pod was ready",
              &ServiceMetrics::cold_wait);
    histogram("pilotlight_pod_time_seconds",
              "Time of the pod: from having the request to the last octet of its answer",
              &ServiceMetrics::pod_time);
    histogram("pilotlight_generation_seconds",
              "Requests that took a slot, altogether: from the head to the last octet",
              &ServiceMetrics::generation);
    histogram("pilotlight_cold_start_seconds", "Pods, from wanted to ready", &ServiceMetrics::cold_start);
    text.family("pilotlight_cold_start_phase_seconds", "histogram", "The same, by phase");
    for (const auto& one : all)
        for (std::size_t i = 0; i < proxy::cold_phases; ++i)
            text.histogram(fmt::format("{},phase=\"{}\"", one.old_labels, proxy::cold_phase_names[i]),
                           one.view->metrics->cold_start_phase[i], 1);
    text.family("pilotlight_slot_idle_gap_seconds", "histogram",
                "A pod's rest between two generations, by whether somebody waited for it");
    for (const auto& one : all)
        for (const bool wanted : {true, false})
            text.histogram(fmt::format("{},queue=\"{}\"", one.old_labels, wanted ? "waiting" : "empty"),
                           wanted ? one.view->metrics->gap_wanted : one.view->metrics->gap_unwanted, 1);
    text.family("pilotlight_pod_failures_total", "counter",
                "Pods that ended unasked, by whether they had been ready");
    for (const auto& one : all)
        for (const bool start : {true, false})
            text.sample(fmt::format("{},during=\"{}\"", one.old_labels, start ? "start" : "service"),
                        (start ? one.view->metrics->failed_starts : one.view->metrics->failed_service)
                            .load(std::memory_order_relaxed));
}

void bounds(Text& text, const proxy::BoundsView& seen) {
    const auto one = [&](std::string_view name, std::string_view type, std::string_view help, auto value) {
        text.family(name, type, help);
        text.sample("", value);
    };
    one("pilotlight_load_level", "gauge",
        "0: normal; 1: no keep-alive; 2: new requests are refused; 3: the queue is shed",
        static_cast<int>(seen.load));
    one("pilotlight_memory_bytes", "gauge", "Memory that the gateway has taken", seen.memory);
    one("pilotlight_memory_limit_bytes", "gauge", "And that it may take (limits.memory)", seen.memory_limit);
    text.family("pilotlight_connections_closed_total", "counter", "Connections closed by a bound");
    text.sample("reason=\"peer_limit\"", seen.over_peer_limit);
    text.sample("reason=\"idle_shed\"", seen.idle_shed);
    text.sample("reason=\"slow_head\"", seen.slow_heads);
    text.sample("reason=\"http2_flood\"", seen.http2_floods);
    text.sample("reason=\"slow_body\"", seen.slow_bodies);
    text.sample("reason=\"failure\"", seen.failures);
    one("pilotlight_accept_pauses_total", "counter",
        "Pauses of accepting, at the limit of connections or descriptors", seen.accept_pauses);
    text.family("pilotlight_overload_refused_total", "counter", "Requests answered 503 for want of memory");
    text.sample("what=\"new\"", seen.refused_overload);
    text.sample("what=\"waiting\"", seen.queue_shed);
    one("pilotlight_log_lines_lost_total", "counter", "Log lines that could not be written",
        seen.log_lines_lost);
}

void access(Text& text, const Snapshot& snapshot) {
    if (snapshot.access_refused.empty()) return;
    const auto labels = [](const proxy::AccessView& one) {
        return fmt::format(R"(list="{}",key="{}")", escape_label(one.list), escape_label(one.key));
    };
    text.family("pilotlight_key_requests_total", "counter", "Requests that came with a key");
    for (const auto& one : snapshot.access) text.sample(labels(one), one.requests);
    text.family("pilotlight_key_over_limit_total", "counter", "Those answered 429: enough of the key's wait");
    for (const auto& one : snapshot.access) text.sample(labels(one), one.over_limit);
    text.family("pilotlight_access_refused_total", "counter", "Requests without a key of the list");
    for (const auto& one : snapshot.access_refused)
        text.sample(fmt::format(R"(list="{}")", escape_label(one.list)), one.requests);
}

void gateway(Text& text, const Snapshot& snapshot) {
    text.family("pilotlight_build_info", "gauge", "1; the version is in the label");
    text.sample("version=\"" PILOTLIGHT_VERSION "\"", 1);
    text.family("pilotlight_ready", "gauge", "1 if the gateway takes requests");
    text.sample("", static_cast<int>(snapshot.ready));
    text.family("pilotlight_connections", "gauge", "Connections of clients");
    text.sample("", snapshot.connections);
    text.family("pilotlight_requests", "gauge", "Requests under way");
    text.sample("", snapshot.requests);
    if (snapshot.certificate_expires) {
        text.family("pilotlight_tls_certificate_expiry_seconds", "gauge",
                    "When the first certificate expires, in seconds since 1970");
        text.sample("", *snapshot.certificate_expires);
    }
    text.family("pilotlight_tls_handshakes_total", "counter", "TLS handshakes; resumed: by a session ticket");
    text.sample("resumed=\"false\"", snapshot.tls_handshakes - snapshot.tls_resumed);
    text.sample("resumed=\"true\"", snapshot.tls_resumed);
    text.family("pilotlight_tls_handshake_failures_total", "counter",
                "TLS handshakes that failed or took too long");
    text.sample("", snapshot.tls_failures);
    text.family("pilotlight_proxy_headers_refused_total", "counter",
                "Connections closed for their PROXY header: malformed, too late, or from nobody trusted");
    text.sample("", snapshot.proxy_headers_refused);
    text.family("pilotlight_errands", "gauge",
                "Requests that pods work on, those of clients who left included");
    text.sample("", snapshot.errands);
    text.family("pilotlight_spool_memory_bytes", "gauge", "Octets held in memory for somebody slow");
    text.sample("", snapshot.spool_memory);
    text.family("pilotlight_spool_disk_bytes", "gauge", "Octets held in temporary files for somebody slow");
    text.sample("", snapshot.spool_disk);
    text.family("pilotlight_spans_exported_total", "counter", "Spans that the collector has taken");
    text.sample("", snapshot.spans.exported);
    text.family("pilotlight_spans_lost_total", "counter",
                "Spans that no collector has: no room in the queue, refused, or it could not be had");
    text.sample("reason=\"queue_full\"", snapshot.spans.dropped);
    text.sample("reason=\"refused\"", snapshot.spans.refused);
    text.sample("reason=\"given_up\"", snapshot.spans.given_up);
    text.family("pilotlight_span_exports_failed_total", "counter",
                "Tries to send spans that the collector did not take: refused, busy, or not to be had");
    text.sample("", snapshot.spans.failed_exports);
    bounds(text, snapshot.bounds);
    access(text, snapshot);
}

}  // namespace

std::string render_metrics(const Snapshot& snapshot) {
    Text text;
    gateway(text, snapshot);
    const auto all = series_of(snapshot);
    if (all.empty()) return text.take();
    scaling(text, snapshot, all);
    text.family("pilotlight_arrivals_total", "counter", "Requests that asked for a slot");
    for (const auto& one : all) text.sample(one.old_labels, one.view->arrivals);
    if (const auto with_counters = counted(all); !with_counters.empty()) {
        responses(text, with_counters);
        counters(text, with_counters);
        waits(text, with_counters);
    }
    return text.take();
}

}  // namespace admin
