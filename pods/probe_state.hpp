// Which probe of a pod is due when, and what its results mean: Kubernetes' rules (kubelet,
// pkg/kubelet/prober/worker.go) with one difference. Pure: the time is passed in.
//
// As in Kubernetes: until the startup probe has passed, it alone runs. A result counts when it has come
// successThreshold or failureThreshold times in a row, one a period; failures before initialDelaySeconds do
// not count. A pod is not ready at first; it is live at first; a failed liveness or startup probe is the end
// of it.
//
// The difference: until a startup or readiness probe has passed for the first time it runs much more often
// than asked, from the very beginning, so that a pod's first request reaches it within 10 ms of being ready.
// Of these extra probes a success counts, also within initialDelaySeconds; failures count at most once a
// period, so that failureThreshold means the time that its author had in mind.
//
// With a second stage (second_stage.hpp) a pod is ready only when that has passed, too. It begins when the
// port is first seen open, and anew when the readiness probe has lost the pod. Startup and liveness probes
// over HTTP must not break its silence: until the port has been seen open they only connect, and until the
// silence is over they rest.
#pragma once

#include <array>
#include <chrono>
#include <optional>

#include "pods/container.hpp"
#include "pods/pod.hpp"
#include "pods/second_stage.hpp"

namespace pods {

enum class ProbeKind { startup, liveness, readiness, mounting };  // mounting: of the second stage
inline constexpr std::array all_probe_kinds{ProbeKind::startup, ProbeKind::liveness, ProbeKind::readiness,
                                            ProbeKind::mounting};

enum class ProbeChange {
    none,
    ready,
    unready,
    unhealthy,  // the pod has to be replaced; no probe is due any more
};

// Until the first success. A refused connection on loopback costs some 20 us.
inline constexpr std::chrono::milliseconds eager_tcp_interval{5};
inline constexpr std::chrono::milliseconds eager_http_interval{10};
// A cold start is given up after 10 minutes (Knative's progress-deadline): from then on nobody waits that
// closely.
inline constexpr std::chrono::minutes eager_for{10};
inline constexpr std::chrono::milliseconds patient_interval{250};

class ProbeState {
public:
    // `started`: when the pod's process began. Without a readiness probe: tcpSocket on the pod's port.
    ProbeState(const Container& container, TimePoint started, std::optional<SecondStage> stage = {});

    const std::optional<Probe>& probe(ProbeKind kind) const { return track(kind).probe; }

    // What the attempt that begins now has to do.
    Probe attempt(ProbeKind kind, TimePoint now) const;

    // When the next one is to begin, maybe in the past. Empty: not before another result, or never.
    std::optional<TimePoint> due(ProbeKind kind) const;

    void begin(ProbeKind kind, TimePoint now);
    ProbeChange end(ProbeKind kind, bool has_passed, TimePoint now);

    // A ready pod has to prove itself anew, at once: the next result speaks, `unready` after a single
    // failure. A probe that runs already is not asked. Before the first readiness: nothing.
    void recheck(TimePoint now);

    bool is_ready() const { return is_ready_; }

    // The second stage's window is over, and the pod has not passed it: it is ready all the same.
    bool has_given_up() const { return has_given_up_; }
    const std::optional<SecondStage>& stage() const { return stage_; }
    const std::optional<TimePoint>& opened() const { return opened_; }

private:
    struct Track {
        std::optional<Probe> probe;
        TimePoint next{};
        TimePoint begun{};
        TimePoint countable{};        // failures of probes that begin earlier do not count
        std::optional<bool> passing;  // the last result, and how often in a row
        int run = 0;
        bool has_passed = false;  // ever
        bool is_running = false;
        bool is_stale = false;       // it runs, and its result will not count
        bool is_held = false;        // over HTTP to the pod's own port, which may be too early for that
        bool only_connects = false;  // the one that runs
    };

    void set_up(const Container& container);
    Track& track(ProbeKind kind) { return tracks_[static_cast<std::size_t>(kind)]; }
    const Track& track(ProbeKind kind) const { return tracks_[static_cast<std::size_t>(kind)]; }
    bool is_eager(ProbeKind kind) const { return kind != ProbeKind::liveness && !track(kind).has_passed; }
    Duration interval(ProbeKind kind, TimePoint now) const;
    bool counts(ProbeKind kind, bool has_passed);
    ProbeChange passed(ProbeKind kind, TimePoint now);
    ProbeChange failed(ProbeKind kind);
    void open(TimePoint now);
    void begin_stage_anew();
    ProbeChange end_mounting(bool has_passed, TimePoint now);
    ProbeChange ready_if_all_passed();

    TimePoint started_;
    std::array<Track, all_probe_kinds.size()> tracks_;
    std::optional<SecondStage> stage_;
    std::optional<TimePoint> opened_;  // when the port was seen open, with a second stage
    bool is_mounted_ = true;           // there is no second stage, or it is over
    bool has_given_up_ = false;
    bool has_started_up_ = false;
    bool is_ready_ = false;
    bool is_rechecking_ = false;
    bool is_over_ = false;
};

}  // namespace pods
