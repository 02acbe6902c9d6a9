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
    }
    return "";
}

}  // namespace

struct Prober::Running {
    Running(asio::any_io_executor executor, ProbeTarget at, const Container& container, Events told)
        : target(std::move(at)),
          events(std::move(told)),
          state(container, Clock::now()),
          alarms{asio::steady_timer(executor), asio::steady_timer(executor), asio::steady_timer(executor)} {}

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
                return events.on_ready ? events.on_ready() : void();
            case ProbeChange::unready:
                return events.on_unready ? events.on_unready(said) : void();
            case ProbeChange::unhealthy:
                return events.on_unhealthy ? events.on_unhealthy(said) : void();
        }
    }

    static asio::awaitable<void> run(std::shared_ptr<Running> self, ProbeKind kind);

    const ProbeTarget target;
    const Events events;
    ProbeState state;
    std::array<asio::steady_timer, 3> alarms;
    std::array<asio::cancellation_signal, 3> cancels;
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
        const std::string why = co_await attempt(self->target, *self->state.probe(kind));
        if (self->is_stopped) break;
        if (!why.empty()) self->last_failure = std::string(name_of(kind)) + " probe failed: " + why;
        const auto change = self->state.end(kind, why.empty(), Clock::now());
        self->look_again();
        self->tell(change, kind, why);  // may end us
    }
}

Prober::Prober(asio::any_io_executor executor, Address address, const Container& container, Execute execute,
               Events events) {
    ProbeTarget target{std::move(address), container.port, std::move(execute)};
    running_ = std::make_shared<Running>(executor, std::move(target), container, std::move(events));
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

const std::string& Prober::last_failure() const {
    return running_->last_failure;
}

}  // namespace pods
