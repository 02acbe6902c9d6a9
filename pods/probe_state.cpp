#include "pods/probe_state.hpp"

#include <algorithm>
#include <type_traits>

namespace pods {

namespace {

using std::chrono::seconds;

constexpr seconds longest_question{5};  // of the second stage

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

Probe mounting_probe(const SecondStage& stage) {
    Probe probe;
    HttpGetAction get;
    get.path = stage.path;
    probe.action = std::move(get);
    probe.period = ask_again;
    probe.timeout = longest_question;
    return probe;
}

bool disturbs(const std::optional<Probe>& probe, const Container& container) {
    const auto* get = probe ? std::get_if<HttpGetAction>(&probe->action) : nullptr;
    return get != nullptr && (get->port == 0 || get->port == container.port);
}

}  // namespace

ProbeState::ProbeState(const Container& container, TimePoint started, std::optional<SecondStage> stage)
    : started_(started), stage_(std::move(stage)), is_mounted_(!stage_) {
    if (stage_) track(ProbeKind::mounting).probe = mounting_probe(*stage_);
    set_up(container);
}

void ProbeState::set_up(const Container& container) {
    track(ProbeKind::startup).probe = in_order(container.startup);
    track(ProbeKind::liveness).probe = in_order(container.liveness);
    track(ProbeKind::readiness).probe =
        in_order(container.readiness ? *container.readiness : default_readiness());
    for (const auto kind : all_probe_kinds) {
        auto& one = track(kind);
        if (!one.probe) continue;
        one.countable = started_ + one.probe->initial_delay;
        one.next = kind == ProbeKind::liveness ? one.countable : started_;
        one.is_held = stage_ && kind != ProbeKind::mounting && disturbs(one.probe, container);
    }
    has_started_up_ = !container.startup;
}

std::optional<TimePoint> ProbeState::due(ProbeKind kind) const {
    const auto& one = track(kind);
    if (is_over_ || !one.probe || one.is_running) return std::nullopt;
    if ((kind == ProbeKind::startup) == has_started_up_) return std::nullopt;
    if (kind == ProbeKind::mounting && (is_mounted_ || !opened_)) return std::nullopt;
    const bool waits = opened_ && (kind == ProbeKind::mounting || one.is_held);
    return waits ? std::max(one.next, *opened_ + stage_->silence) : one.next;
}

Probe ProbeState::attempt(ProbeKind kind, TimePoint now) const {
    Probe probe = *track(kind).probe;
    if (track(kind).only_connects) probe.action = TcpSocketAction{};
    if (kind == ProbeKind::mounting && opened_) {
        const auto left = std::chrono::ceil<seconds>(*opened_ + stage_->window - now);
        probe.timeout = std::clamp(left, seconds{1}, longest_question);
    }
    return probe;
}

void ProbeState::begin(ProbeKind kind, TimePoint now) {
    track(kind).only_connects = track(kind).is_held && !opened_;
    track(kind).begun = now;
    track(kind).is_running = true;
    track(kind).is_stale = false;
}

ProbeChange ProbeState::end(ProbeKind kind, bool has_passed, TimePoint now) {
    auto& one = track(kind);
    one.is_running = false;
    if (is_over_ || one.is_stale) return ProbeChange::none;
    if (kind == ProbeKind::mounting) return end_mounting(has_passed, now);
    if (one.only_connects && has_passed) {  // which it was not asked for: now the silence begins
        open(now);
        return ProbeChange::none;
    }
    if (kind == ProbeKind::readiness && has_passed) open(now);
    if (kind == ProbeKind::readiness && !has_passed && !is_ready_ && !is_rechecking_) begin_stage_anew();
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
    const auto& one = track(kind);
    const auto& probe = *one.probe;
    if (is_eager(kind) && one.is_held && !one.only_connects)
        return std::min<Duration>(probe.period, ask_again);
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
            return ready_if_all_passed();
        case ProbeKind::mounting:
            break;
    }
    return ProbeChange::none;
}

ProbeChange ProbeState::ready_if_all_passed() {
    const auto& one = track(ProbeKind::readiness);
    const bool has_passed = one.passing == true && one.run >= one.probe->success_threshold;
    if (is_ready_ || !has_passed || !is_mounted_) return ProbeChange::none;
    is_ready_ = true;
    is_rechecking_ = false;
    return ProbeChange::ready;
}

// --- the second stage

void ProbeState::open(TimePoint now) {
    if (!stage_ || opened_) return;
    opened_ = now;
    track(ProbeKind::mounting).next = now;
}

// A port that closes and opens again is another process's, which starts from the beginning.
void ProbeState::begin_stage_anew() {
    if (!stage_ || !opened_) return;
    opened_.reset();
    is_mounted_ = has_given_up_ = false;
    track(ProbeKind::mounting).is_stale = track(ProbeKind::mounting).is_running;
}

ProbeChange ProbeState::end_mounting(bool has_passed, TimePoint now) {
    auto& one = track(ProbeKind::mounting);
    one.next = std::max(now, one.begun + one.probe->period);
    has_given_up_ = !has_passed && now >= *opened_ + stage_->window;
    is_mounted_ = has_passed || has_given_up_;
    return is_mounted_ ? ready_if_all_passed() : ProbeChange::none;
}

ProbeChange ProbeState::failed(ProbeKind kind) {
    const auto& one = track(kind);
    if (kind == ProbeKind::readiness) {
        if (is_rechecking_ || (is_ready_ && one.run >= one.probe->failure_threshold)) {
            is_ready_ = is_rechecking_ = false;
            begin_stage_anew();
            return ProbeChange::unready;
        }
        return ProbeChange::none;
    }
    if (one.run < one.probe->failure_threshold) return ProbeChange::none;
    is_over_ = true;
    return ProbeChange::unhealthy;
}

}  // namespace pods
