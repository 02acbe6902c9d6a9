#include "admin/metrics_scaling.hpp"

#include <fmt/format.h>

#include <functional>
#include <optional>

namespace admin {
namespace {

using proxy::RevisionView;
using proxy::Snapshot;

using Number = std::function<double(const ScrapedRevision&)>;

// The same number under Knative's old and new name.
void gauge(Text& text, const std::vector<ScrapedRevision>& all, std::string_view old_name,
           std::string_view new_name, std::string_view help, const Number& number) {
    if (all.empty()) return;
    text.family(old_name, "gauge", help);
    for (const auto& one : all) text.sample(one.old_labels, number(one));
    text.family(new_name, "gauge", help);
    for (const auto& one : all) text.sample(one.new_labels, number(one));
}

// By the metric that the service scales on: requests in flight, or requests a second.
void averages(Text& text, const std::vector<ScrapedRevision>& all) {
    for (const bool rps : {false, true}) {
        std::vector<ScrapedRevision> some;
        for (const auto& one : all)
            if (one.view->by_rps == rps) some.push_back(one);
        gauge(text, some,
              rps ? "autoscaler_stable_requests_per_second" : "autoscaler_stable_request_concurrency",
              rps ? "kn_revision_rps_stable" : "kn_revision_concurrency_stable",
              rps ? "Average of requests a second over the stable window"
                  : "Average of requests in flight over the stable window",
              [](const ScrapedRevision& s) { return s.view->stable; });
        gauge(text, some,
              rps ? "autoscaler_panic_requests_per_second" : "autoscaler_panic_request_concurrency",
              rps ? "kn_revision_rps_panic" : "kn_revision_concurrency_panic",
              rps ? "Average of requests a second over the panic window"
                  : "Average of requests in flight over the panic window",
              [](const ScrapedRevision& s) { return s.view->panic; });
        gauge(text, some,
              rps ? "autoscaler_target_requests_per_second" : "autoscaler_target_concurrency_per_pod",
              rps ? "kn_revision_rps_target" : "kn_revision_concurrency_target",
              rps ? "The desired number of requests a second for each pod"
                  : "The desired number of concurrent requests for each pod",
              [](const ScrapedRevision& s) { return s.view->target; });
    }
}

void knatives(Text& text, const std::vector<ScrapedRevision>& all) {
    std::vector<ScrapedRevision> decided;  // Knative says nothing about an autoscaler that has no data yet
    for (const auto& one : all)
        if (one.view->desired >= 0) decided.push_back(one);
    gauge(text, decided, "autoscaler_desired_pods", "kn_revision_pods_desired",
          "Number of pods autoscaler wants to allocate",
          [](const ScrapedRevision& s) { return s.view->desired; });
    gauge(text, all, "autoscaler_requested_pods", "kn_revision_pods_requested",
          "Number of pods that are asked for", [](const ScrapedRevision& s) { return s.view->wanted; });
    gauge(text, all, "autoscaler_actual_pods", "kn_revision_pods_count", "Number of pods that are ready",
          [](const ScrapedRevision& s) { return s.view->ready; });
    gauge(text, all, "autoscaler_not_ready_pods", "kn_revision_pods_not_ready_count",
          "Number of pods that are not ready", [](const ScrapedRevision& s) { return s.unready; });
    gauge(text, all, "autoscaler_pending_pods", "kn_revision_pods_pending_count",
          "Number of pods that are pending", [](const ScrapedRevision& s) { return s.pending; });
    gauge(text, all, "autoscaler_terminating_pods", "kn_revision_pods_terminating_count",
          "Number of pods that are terminating", [](const ScrapedRevision& s) { return s.terminating; });
    gauge(text, all, "autoscaler_excess_burst_capacity", "kn_revision_capacity_excess",
          "Excess burst capacity observed over the stable window",
          [](const ScrapedRevision& s) { return s.view->excess_burst_capacity; });
    gauge(text, all, "autoscaler_panic_mode", "kn_revision_panic_mode",
          "1 if autoscaler is in panic mode, 0 otherwise",
          [](const ScrapedRevision& s) { return s.view->panic_mode; });
    averages(text, all);
    gauge(text, all, "activator_request_concurrency", "kn_revision_request_concurrency",
          "Concurrent requests at the gateway, waiting and running",
          [](const ScrapedRevision& s) { return static_cast<double>(s.view->waiting + s.view->running); });
    gauge(text, all, "revision_queue_depth", "kn_serving_queue_depth", "Requests that wait for a slot",
          [](const ScrapedRevision& s) { return static_cast<double>(s.view->waiting); });
    text.family("kn_revision_request_queued", "gauge", "Requests at the gateway that wait for a slot");
    for (const auto& one : all) text.sample(one.new_labels, one.view->waiting);
    text.family("kn_revision_request_active", "gauge", "Requests at the gateway that a pod works on");
    for (const auto& one : all) text.sample(one.new_labels, one.view->running);
}

// What Knative has no name for: why, how often, and for how long yet.
void autoscaling(Text& text, const std::vector<ScrapedRevision>& all) {
    text.family("pilotlight_autoscaler_steps_total", "counter",
                "Changes of how many pods are wanted, by kind of reason and direction");
    for (const auto& one : all)
        for (std::size_t i = 0; i < autoscaler::causes; ++i)
            for (const bool up : {false, true})
                text.sample(
                    fmt::format("{},kind=\"{}\",direction=\"{}\"", one.old_labels,
                                autoscaler::to_string(static_cast<autoscaler::Cause>(i)), up ? "up" : "down"),
                    one.view->steps[i][up ? 1 : 0]);
    const auto gauge = [&](std::string_view name, std::string_view help, const auto& number) {
        text.family(name, "gauge", help);
        for (const auto& one : all)
            if (const std::optional<double> value = number(*one.view)) text.sample(one.old_labels, *value);
    };
    using View = const RevisionView&;
    gauge("pilotlight_autoscaler_last_step_timestamp_seconds", "When the number of wanted pods last changed",
          [](View v) -> std::optional<double> {
              if (!v.last_step) return std::nullopt;
              return std::chrono::duration<double>(v.last_step->at.time_since_epoch()).count();
          });
    gauge("pilotlight_autoscaler_keep_seconds",
          "How long the longest idle pod is kept yet; only while one is on its way out",
          [](View v) { return v.keep_seconds; });
    gauge("pilotlight_autoscaler_cold_start_seconds", "What the break-even rule believes a cold start takes",
          [](View v) {
              return v.believed_cold_start > 0 ? std::optional(v.believed_cold_start) : std::nullopt;
          });
    gauge("pilotlight_min_scale", "Fewest pods", [](View v) { return std::optional(double(v.min_scale)); });
    gauge("pilotlight_max_scale", "Most pods; 0: any number",
          [](View v) { return std::optional(double(v.max_scale)); });
    gauge("pilotlight_crash_looping", "1 if pods fail one after the other and none is ready",
          [](View v) { return std::optional(double(v.crash_looping)); });
    gauge("pilotlight_longest_lease_seconds", "For how long the slot has been held that is held longest",
          [](View v) { return std::optional(v.longest_lease); });
    gauge("pilotlight_timeout_seconds", "timeoutSeconds: how long a pod may work on a request",
          [](View v) { return std::optional(v.timeout); });
    gauge("pilotlight_longest_wait_seconds", "For how long who waits longest has waited", [](View v) {
        return std::optional(v.queue.empty() ? 0.0 : v.queue.front().queue + v.queue.front().cold);
    });
    text.family("pilotlight_gpu_seconds_total", "counter",
                "Time of GPUs by what they did; a pod without an assigned one counts as one");
    for (const auto& one : all)
        for (std::size_t i = 0; i < proxy::gpu_state_names.size(); ++i)
            text.sample(fmt::format("{},state=\"{}\"", one.old_labels, proxy::gpu_state_names[i]),
                        one.view->gpu_seconds[i]);
}

using PodNumber = int (*)(const proxy::PodView&);

void pods_of(Text& text, const Snapshot& snapshot, const std::vector<ScrapedRevision>& all) {
    const auto sum = [&](const ScrapedRevision& one, const auto& number) {
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

}  // namespace

void scaling(Text& text, const Snapshot& snapshot, const std::vector<ScrapedRevision>& all) {
    knatives(text, all);
    autoscaling(text, all);
    pods_of(text, snapshot, all);
}

}  // namespace admin
