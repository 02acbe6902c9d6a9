#include "admin/metrics.hpp"

#include <fmt/format.h>

#include <functional>
#include <iterator>
#include <set>
#include <vector>

namespace admin {
namespace {

using proxy::Histogram;
using proxy::RevisionView;
using proxy::ServiceMetrics;
using proxy::Snapshot;

// One revision as a scrape sees it, its two ways to say who it is written once.
struct Series {
    const RevisionView* view;
    std::string old_labels;  // Knative up to 1.18: namespace_name="default",...
    std::string new_labels;  // since then, OpenTelemetry's: k8s_namespace_name="default",...
    int pending = 0, terminating = 0, unready = 0;
};

std::string escape_label(std::string_view text) {
    std::string out;
    for (const char c : text)
        if (c == '\n')
            out += "\\n";
        else if (c == '"' || c == '\\')
            (out += '\\') += c;
        else
            out += c;
    return out;
}

class Text {
public:
    void family(std::string_view name, std::string_view type, std::string_view help) {
        name_ = name;
        fmt::format_to(to_, "# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
    }
    template <class Value>
    void sample(std::string_view labels, Value value) {
        if (labels.empty())
            fmt::format_to(to_, "{} {}\n", name_, value);
        else
            fmt::format_to(to_, "{}{{{}}} {}\n", name_, labels, value);
    }
    // The count is the sum of the buckets as read here, so that +Inf and _count agree while workers go on
    // counting.
    void histogram(const std::string& labels, const Histogram& values, double unit) {
        const std::string_view comma = labels.empty() ? "" : ",";
        std::uint64_t count = 0;
        for (std::size_t i = 0; i < Histogram::bounds.size(); ++i) {
            count += values.count(i);
            fmt::format_to(to_, "{}_bucket{{{}{}le=\"{}\"}} {}\n", name_, labels, comma,
                           Histogram::bounds[i] * unit, count);
        }
        count += values.count(Histogram::bounds.size());
        fmt::format_to(to_, "{}_bucket{{{}{}le=\"+Inf\"}} {}\n", name_, labels, comma, count);
        fmt::format_to(to_, "{0}_sum{{{1}}} {2}\n{0}_count{{{1}}} {3}\n", name_, labels, values.sum() * unit,
                       count);
    }
    std::string take() { return std::move(out_); }

private:
    std::string out_;
    std::back_insert_iterator<std::string> to_{out_};
    std::string name_;
};

std::vector<Series> series_of(const Snapshot& snapshot) {
    std::vector<Series> out;
    for (const auto& view : snapshot.revisions) {
        Series one;
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

using Number = std::function<double(const Series&)>;

// The same number under Knative's old and new name.
void gauge(Text& text, const std::vector<Series>& all, std::string_view old_name, std::string_view new_name,
           std::string_view help, const Number& number) {
    if (all.empty()) return;
    text.family(old_name, "gauge", help);
    for (const auto& one : all) text.sample(one.old_labels, number(one));
    text.family(new_name, "gauge", help);
    for (const auto& one : all) text.sample(one.new_labels, number(one));
}

void scaling(Text& text, const std::vector<Series>& all) {
    std::vector<Series> decided;  // Knative says nothing about an autoscaler that has no data yet
    for (const auto& one : all)
        if (one.view->desired >= 0) decided.push_back(one);
    gauge(text, decided, "autoscaler_desired_pods", "kn_revision_pods_desired",
          "Number of pods autoscaler wants to allocate", [](const Series& s) { return s.view->desired; });
    gauge(text, all, "autoscaler_requested_pods", "kn_revision_pods_requested",
          "Number of pods that are asked for", [](const Series& s) { return s.view->wanted; });
    gauge(text, all, "autoscaler_actual_pods", "kn_revision_pods_count", "Number of pods that are ready",
          [](const Series& s) { return s.view->ready; });
    gauge(text, all, "autoscaler_not_ready_pods", "kn_revision_pods_not_ready_count",
          "Number of pods that are not ready", [](const Series& s) { return s.unready; });
    gauge(text, all, "autoscaler_pending_pods", "kn_revision_pods_pending_count",
          "Number of pods that are pending", [](const Series& s) { return s.pending; });
    gauge(text, all, "autoscaler_terminating_pods", "kn_revision_pods_terminating_count",
          "Number of pods that are terminating", [](const Series& s) { return s.terminating; });
    gauge(text, all, "autoscaler_excess_burst_capacity", "kn_revision_capacity_excess",
          "Excess burst capacity observed over the stable window",
          [](const Series& s) { return s.view->excess_burst_capacity; });
    gauge(text, all, "autoscaler_panic_mode", "kn_revision_panic_mode",
          "1 if autoscaler is in panic mode, 0 otherwise",
          [](const Series& s) { return s.view->panic_mode; });
    gauge(text, all, "autoscaler_stable_request_concurrency", "kn_revision_concurrency_stable",
          "Average of requests count over the stable window", [](const Series& s) { return s.view->stable; });
    gauge(text, all, "autoscaler_panic_request_concurrency", "kn_revision_concurrency_panic",
          "Average of requests count over the panic window", [](const Series& s) { return s.view->panic; });
    gauge(text, all, "autoscaler_target_concurrency_per_pod", "kn_revision_concurrency_target",
          "The desired number of concurrent requests for each pod",
          [](const Series& s) { return s.view->target; });
    gauge(text, all, "activator_request_concurrency", "kn_revision_request_concurrency",
          "Concurrent requests at the gateway, waiting and running",
          [](const Series& s) { return static_cast<double>(s.view->waiting + s.view->running); });
    gauge(text, all, "revision_queue_depth", "kn_serving_queue_depth", "Requests that wait for a slot",
          [](const Series& s) { return static_cast<double>(s.view->waiting); });
}

// The counters belong to a service and its revisions may share them: each is told once, by the revision that
// takes the traffic, so that no sum counts a request twice.
std::vector<Series> counted(const std::vector<Series>& all) {
    std::vector<Series> out;
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

// By class of 1xx (never sent as an answer), 2xx to 5xx; clients that left are told apart.
void responses(Text& text, const std::vector<Series>& all) {
    constexpr std::size_t first = 2, last = 5;
    text.family("revision_request_count", "counter", "The number of requests that are answered");
    for (const auto& one : all)
        for (auto i = first; i <= last; ++i)
            text.sample(with_class(one.old_labels, i),
                        one.view->metrics->responses[i].load(std::memory_order_relaxed));
    text.family("revision_request_latencies", "histogram", "The response time in milliseconds");
    for (const auto& one : all)
        for (auto i = first; i <= last; ++i)
            text.histogram(with_class(one.old_labels, i), one.view->metrics->duration[i], 1000);
    text.family("http_server_request_duration_seconds", "histogram", "Duration of HTTP server requests");
    for (const auto& one : all)
        for (auto i = first; i <= last; ++i)
            text.histogram(with_class(one.new_labels, i), one.view->metrics->duration[i], 1);
}

void counters(Text& text, const std::vector<Series>& all) {
    const auto counter = [&](std::string_view name, std::string_view help, auto member) {
        text.family(name, "counter", help);
        for (const auto& one : all)
            text.sample(one.old_labels, member(*one.view->metrics).load(std::memory_order_relaxed));
    };
    counter(
        "pilotlight_client_left_total", "Requests whose client left before the answer",
        [](const ServiceMetrics& m) -> auto& { return m.responses[0]; });
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

void waits(Text& text, const std::vector<Series>& all) {
    const auto histogram = [&](std::string_view name, std::string_view help, auto member) {
        text.family(name, "histogram", help);
        for (const auto& one : all) text.histogram(one.old_labels, member(*one.view->metrics), 1);
    };
    histogram(
        "pilotlight_queue_wait_seconds", "Wait for a slot while a pod was ready",
        [](const ServiceMetrics& m) -> auto& { return m.queue_wait; });
    histogram(
        "pilotlight_cold_wait_seconds", "Wait for a slot while no pod was ready",
        [](const ServiceMetrics& m) -> auto& { return m.cold_wait; });
    histogram(
        "pilotlight_pod_time_seconds",
        "Time of the pod: from having the request to the last octet of its answer",
        [](const ServiceMetrics& m) -> auto& { return m.pod_time; });
}

using PodNumber = int (*)(const proxy::PodView&);

void pods_of(Text& text, const Snapshot& snapshot, const std::vector<Series>& all) {
    const auto sum = [&](const Series& one, const auto& number) {
        long out = 0;
        for (const auto& pod : snapshot.pods)
            if (pod.name_space == one.view->name_space && pod.revision == one.view->revision)
                out += number(pod);
        return out;
    };
    using pods::Phase;
    const auto state = [](const proxy::PodView& pod) {
        return pod.phase == Phase::running && pod.ready ? std::string_view("Ready") : to_string(pod.phase);
    };
    text.family("pilotlight_pods", "gauge", "Pods by state");
    for (const auto& one : all)
        for (const std::string_view name :
             {"Pending", "ContainerCreating", "Running", "Ready", "Terminating", "Error", "CrashLoopBackOff"})
            text.sample(fmt::format("{},state=\"{}\"", one.old_labels, name),
                        sum(one, [&](const proxy::PodView& pod) { return state(pod) == name; }));
    const auto gauge = [&](std::string_view name, std::string_view help, PodNumber number) {
        text.family(name, "gauge", help);
        for (const auto& one : all) text.sample(one.old_labels, sum(one, number));
    };
    gauge("pilotlight_leases", "Slots that a request holds",
          [](const proxy::PodView& p) { return p.leases; });
    gauge("pilotlight_slots", "Slots of ready pods; 0 where they are not limited",
          [](const proxy::PodView& p) { return p.ready ? p.slots : 0; });
    gauge("pilotlight_sessions", "Sessions that are bound to a pod",
          [](const proxy::PodView& p) { return p.sessions; });
    gauge("pilotlight_pod_restarts", "Restarts of the pods that there are",
          [](const proxy::PodView& p) { return p.restarts; });
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
    text.family("pilotlight_spool_memory_bytes", "gauge", "Octets held in memory for somebody slow");
    text.sample("", snapshot.spool_memory);
    text.family("pilotlight_spool_disk_bytes", "gauge", "Octets held in temporary files for somebody slow");
    text.sample("", snapshot.spool_disk);
}

}  // namespace

std::string render_metrics(const Snapshot& snapshot) {
    Text text;
    gateway(text, snapshot);
    const auto all = series_of(snapshot);
    if (all.empty()) return text.take();
    scaling(text, all);
    pods_of(text, snapshot, all);
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
