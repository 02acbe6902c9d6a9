#include "pods/probe_state.hpp"

#include <algorithm>
#include <type_traits>

namespace pods {

namespace {

using std::chrono::seconds;

// Fields that cannot be as they are get Kubernetes' defaults: Knative allows periodSeconds 0, "as often as
// you like".
std::optional<Probe> in_order(std::optional<Probe> probe) {
    if (!probe) return probe;
    if (probe->period <= seconds{0}) probe->period = seconds{10};
    if (probe->timeout <= seconds{0}) probe->timeout = seconds{1};
    probe->initial_delay = std::max(probe->initial_delay, seconds{0});
    probe->success_threshold = std::max(probe->success_threshold, 1);
    probe->failure_threshold = std::max(probe->failure_threshold, 1);
    return probe;
}

// Knative's: queue-proxy probes the port by itself.
Probe default_readiness() {
    Probe probe;
    probe.action = TcpSocketAction{};
    return probe;
}

}  // namespace

ProbeState::ProbeState(const Container& container, TimePoint started) : started_(started) {
    track(ProbeKind::startup).probe = in_order(container.startup);
    track(ProbeKind::liveness).probe = in_order(container.liveness);
    track(ProbeKind::readiness).probe =
        in_order(container.readiness ? *container.readiness : default_readiness());
    for (const auto kind : all_probe_kinds) {
        auto& one = track(kind);
        if (!one.probe) continue;
        one.countable = started + one.probe->initial_delay;
        one.next = kind == ProbeKind::liveness ? one.countable : started;
    }
    has_started_up_ = !container.startup;
}

std::optional<TimePoint> ProbeState::due(ProbeKind kind) const {
    const auto& one = track(kind);
    if (is_over_ || !one.probe || one.is_running) return std::nullopt;
    if ((kind == ProbeKind::startup) == has_started_up_) return std::nullopt;
    return one.next;
}

void ProbeState::begin(ProbeKind kind, TimePoint now) {
    track(kind).begun = now;
    track(kind).is_running = true;
    track(kind).is_stale = false;
}

ProbeChange ProbeState::end(ProbeKind kind, bool has_passed, TimePoint now) {
    auto& one = track(kind);
    one.is_running = false;
    if (is_over_ || one.is_stale) return ProbeChange::none;
    auto change = ProbeChange::none;
    if (counts(kind, has_passed)) {
        if (one.passing != has_passed) one.run = 0;
        one.passing = has_passed;
        ++one.run;
        one.has_passed |= has_passed;
        change = has_passed ? passed(kind, now) : failed(kind);
    }
    one.next = std::max(now, one.begun + interval(kind, now));
    return change;
}

void ProbeState::recheck(TimePoint now) {
    auto& one = track(ProbeKind::readiness);
    if (is_over_ || !is_ready_) return;
    is_ready_ = false;
    is_rechecking_ = true;
    one.passing.reset();
    one.run = 0;
    one.is_stale = one.is_running;
    one.next = now;
}

Duration ProbeState::interval(ProbeKind kind, TimePoint now) const {
    const auto& probe = *track(kind).probe;
    if (!is_eager(kind) || std::holds_alternative<ExecAction>(probe.action)) return probe.period;
    if (now - started_ >= eager_for) return std::min<Duration>(probe.period, patient_interval);
    return std::holds_alternative<TcpSocketAction>(probe.action) ? eager_tcp_interval : eager_http_interval;
}

bool ProbeState::counts(ProbeKind kind, bool has_passed) {
    auto& one = track(kind);
    if (has_passed || (is_rechecking_ && kind == ProbeKind::readiness)) return true;
    if (one.begun < one.countable) return false;
    if (is_eager(kind)) one.countable = one.begun + one.probe->period;
    return true;
}

ProbeChange ProbeState::passed(ProbeKind kind, TimePoint now) {
    const auto& one = track(kind);
    if (one.run < one.probe->success_threshold) return ProbeChange::none;
    switch (kind) {
        case ProbeKind::liveness:
            return ProbeChange::none;
        case ProbeKind::startup:
            has_started_up_ = true;
            track(ProbeKind::readiness).next = now;
            if (auto& live = track(ProbeKind::liveness); live.probe) live.next = std::max(now, live.next);
            return ProbeChange::none;
        case ProbeKind::readiness:
            if (is_ready_) return ProbeChange::none;
            is_ready_ = true;
            is_rechecking_ = false;
            return ProbeChange::ready;
    }
    return ProbeChange::none;
}

ProbeChange ProbeState::failed(ProbeKind kind) {
    const auto& one = track(kind);
    if (kind == ProbeKind::readiness) {
        if (is_rechecking_ || (is_ready_ && one.run >= one.probe->failure_threshold)) {
            is_ready_ = is_rechecking_ = false;
            return ProbeChange::unready;
        }
        return ProbeChange::none;
    }
    if (one.run < one.probe->failure_threshold) return ProbeChange::none;
    is_over_ = true;
    return ProbeChange::unhealthy;
}

}  // namespace pods
