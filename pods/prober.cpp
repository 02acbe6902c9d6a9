#include "pods/prober.hpp"

#include <boost/asio.hpp>

#include "pods/probe_state.hpp"

namespace pods {

namespace {

using asio::as_tuple;
using asio::use_awaitable;

std::string_view name_of(ProbeKind kind) {
    switch (kind) {
        case ProbeKind::startup:
            return "startup";
        case ProbeKind::liveness:
            return "liveness";
        case ProbeKind::readiness:
            return "readiness";
        case ProbeKind::mounting:
            return "mounting";
    }
    return "";
}

}  // namespace

struct Prober::Running {
    Running(asio::any_io_executor executor, ProbeTarget at, const Container& container, Events told,
            std::optional<SecondStage> stage)
        : target(std::move(at)),
          events(std::move(told)),
          state(container, Clock::now(), std::move(stage)),
          alarms{asio::steady_timer(executor), asio::steady_timer(executor), asio::steady_timer(executor),
                 asio::steady_timer(executor)} {}

    asio::steady_timer& alarm(ProbeKind kind) { return alarms[static_cast<std::size_t>(kind)]; }

    // One result may make another probe due.
    void look_again() {
        for (auto& one : alarms) one.cancel();
    }

    void tell(ProbeChange change, ProbeKind kind, const std::string& why) {
        const std::string said = std::string(name_of(kind)) + " probe failed: " + why;
        switch (change) {
            case ProbeChange::none:
                return;
            case ProbeChange::ready:
                if (state.has_given_up() && events.on_notice) events.on_notice(given_up(why));
                return events.on_ready ? events.on_ready() : void();
            case ProbeChange::unready:
                return events.on_unready ? events.on_unready(said) : void();
            case ProbeChange::unhealthy:
                return events.on_unhealthy ? events.on_unhealthy(said) : void();
        }
    }

    // Of a pod that is ready all the same.
    std::string given_up(const std::string& why) {
        const auto after = std::chrono::duration_cast<std::chrono::seconds>(state.stage()->window).count();
        return "Taken for ready " + std::to_string(after) + " s after its port opened, though it has not " +
               "mounted its API: " + why;
    }

    static asio::awaitable<void> run(std::shared_ptr<Running> self, ProbeKind kind);

    const ProbeTarget target;
    const Events events;
    ProbeState state;
    std::array<asio::steady_timer, all_probe_kinds.size()> alarms;
    std::array<asio::cancellation_signal, all_probe_kinds.size()> cancels;
    std::string last_failure;
    bool is_stopped = false;
};

asio::awaitable<void> Prober::Running::run(std::shared_ptr<Running> self, ProbeKind kind) {
    while (!self->is_stopped) {
        const auto due = self->state.due(kind);
        if (!due || *due > Clock::now()) {
            self->alarm(kind).expires_at(due.value_or(TimePoint::max()));
            co_await self->alarm(kind).async_wait(as_tuple(use_awaitable));
            continue;  // woken early, late or to end: the state knows
        }
        self->state.begin(kind, Clock::now());
        Probe probe = self->state.attempt(kind, Clock::now());
        auto answer = kind == ProbeKind::mounting ? attempt_mounted(self->target, std::move(probe))
                                                  : attempt(self->target, std::move(probe));
        const std::string why = co_await std::move(answer);
        if (self->is_stopped) break;
        if (!why.empty()) self->last_failure = std::string(name_of(kind)) + " probe failed: " + why;
        const auto change = self->state.end(kind, why.empty(), Clock::now());
        self->look_again();
        self->tell(change, kind, why);  // may end us
    }
}

Prober::Prober(asio::any_io_executor executor, Address address, const Container& container, Execute execute,
               Events events, std::optional<SecondStage> stage) {
    ProbeTarget target{std::move(address), container.port, std::move(execute)};
    running_ = std::make_shared<Running>(executor, std::move(target), container, std::move(events),
                                         std::move(stage));
    for (const auto kind : all_probe_kinds) {
        if (!running_->state.probe(kind)) continue;
        const auto slot = running_->cancels[static_cast<std::size_t>(kind)].slot();
        // The slot is used until the handler is gone, after the coroutine's frame: so the handler holds its
        // owner too.
        const auto ended = [keep = running_](std::exception_ptr) {};
        asio::co_spawn(executor, Running::run(running_, kind), asio::bind_cancellation_slot(slot, ended));
    }
}

Prober::~Prober() {
    running_->is_stopped = true;
    for (auto& cancel : running_->cancels) cancel.emit(asio::cancellation_type::terminal);
}

void Prober::recheck() {
    running_->state.recheck(Clock::now());
    running_->look_again();
}

bool Prober::is_ready() const {
    return running_->state.is_ready();
}

std::optional<TimePoint> Prober::opened() const {
    return running_->state.opened();
}

const std::string& Prober::last_failure() const {
    return running_->last_failure;
}

}  // namespace pods
