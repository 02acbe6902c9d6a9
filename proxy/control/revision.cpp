#include "proxy/control/revision.hpp"

#include "proxy/bounds/load.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio.hpp>
#include <ctime>

#include "proxy/traffic/text.hpp"

namespace proxy {
namespace {

// Zero pods until the first request; a manifest that names an initial scale gets it, as a new revision does
// in Knative.
autoscaler::Start how_to_start(const manifest::Service& service, int inherited) {
    if (inherited > 0) return {autoscaler::Start::How::restart, inherited, inherited};
    const bool named = service.template_annotations.contains("autoscaling.knative.dev/initial-scale") ||
                       service.template_annotations.contains("autoscaling.knative.dev/initialScale");
    return {named ? autoscaler::Start::How::fresh : autoscaler::Start::How::zero, 0, 0};
}

autoscaler::Seen seen(const router::Usage& usage) {
    const auto count = [](std::size_t n) { return static_cast<int>(std::min<std::size_t>(n, 1 << 20)); };
    return {usage.demand_seconds, usage.arrivals,       usage.held_seconds,
            usage.served,         count(usage.waiting), count(usage.running)};
}

constexpr std::chrono::milliseconds patience_with_the_dying{100};
constexpr std::chrono::seconds explain_every{30};
constexpr std::chrono::seconds remember_every{60};

// For people. One reading of both clocks for the whole run, so that a moment's name never changes.
WallTime wall_time(TimePoint steady) {
    static const auto offset =
        std::chrono::system_clock::now().time_since_epoch() -
        std::chrono::duration_cast<WallTime::duration>(Clock::now().time_since_epoch());
    return WallTime(std::chrono::duration_cast<WallTime::duration>(steady.time_since_epoch()) + offset);
}

// By the system's clock, which may be set while we run, and the zone in TZ or /etc/localtime.
autoscaler::LocalTime local_time() {
    const std::time_t utc = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
    std::tm local{};
    localtime_r(&utc, &local);
    return {utc, local.tm_gmtoff};
}

// What a pod is known by as long as it lives: addresses that somebody else runs keep their name over our
// restarts.
std::string pod_uid(const pods::Started& started, const std::string& name, WallTime created) {
    if (started.pid == 0) return fmt::format("{}:{}", started.address.host, started.address.port);
    return fmt::format("{}/{}/{}", name, started.pid, created.time_since_epoch().count());
}

}  // namespace

Revision::Revision(ControlContext& context, const manifest::Service& service, std::string name, TimePoint now,
                   int inherited)
    : context_(context),
      settings_(service),
      name_(std::move(name)),
      created_(std::chrono::system_clock::now()),
      gate_(std::make_shared<Gate>(service.pool, now, context.wake)),
      metrics_(std::make_shared<ServiceMetrics>()),
      jobs_(std::make_shared<Jobs>()),
      heartbeats_(std::make_shared<Heartbeats>()),
      controller_(service.scaling, service.container_concurrency, name_ + "-deployment", context.next_id, now,
                  how_to_start(service, inherited)) {
    configure(service, now);
    if (const auto learnt = context.memory.load(service.name_space, service.name))
        controller_.restore(*learnt);
    remembered_ = accounted_to_ = now;
}

void Revision::configure(const manifest::Service& service, TimePoint now) {
    settings_ = service;
    rules_ =
        router::Rules::make(service.profile, service.rules).rules;  // the manifest's check found no error
    gate_->configure(service.pool, service.affinity.cookie_timeout, now);
    controller_.configure(service.scaling, service.container_concurrency, now);
    if (!shutting_down_) {
        const bool to_zero = service.scaling.by_hand == 0;
        gate_->refuse_queue(to_zero ? std::optional(Refusal::scaled_to_zero) : std::nullopt, now);
    }
}

void Revision::retire() {
    remember(Clock::now(), true);
    retiring_ = true;
    controller_.retire();
}

std::shared_ptr<const Service> Revision::for_traffic(std::shared_ptr<const AccessKeys> keys) const {
    auto service = std::make_shared<Service>();
    service->name_space = settings_.name_space;
    service->name = settings_.name;
    service->revision = name_;
    service->key = settings_.name_space + "/" + settings_.name;
    service->gate = gate_;
    service->metrics = metrics_;
    service->keys = std::move(keys);
    service->jobs = jobs_;
    service->heartbeats = heartbeats_;
    service->affinity = settings_.affinity;
    service->profile = settings_.profile;
    service->rules = rules_;
    service->timeout = settings_.timeout;
    service->response_start_timeout = settings_.response_start_timeout;
    service->idle_timeout = settings_.idle_timeout;
    service->retry = settings_.retry;
    // An interrupt hits whatever runs: it is ours alone only where one runs at a time.
    service->interrupt_on_disconnect = settings_.on_disconnect == manifest::OnDisconnect::interrupt &&
                                       settings_.pool.container_concurrency == 1;
    return service;
}

// What break-even scaling has learnt outlives us, and a revision that takes over goes on with it.
void Revision::remember(TimePoint now, bool at_once) {
    if (settings_.scaling.policy != autoscaler::Policy::break_even || retiring_) return;
    if (usage_.arrivals == remembered_arrivals_ || (!at_once && now - remembered_ < remember_every)) return;
    remembered_ = now;
    remembered_arrivals_ = usage_.arrivals;
    context_.memory.store(settings_.name_space, settings_.name, controller_.break_even().learnt());
}

// --- the tick

void Revision::tick(TimePoint now, int limit) {
    auto look = gate_->look(now);
    usage_ = look.usage;
    loads_.clear();
    for (const auto& load : look.pods) {
        loads_[load.pod] = load;
        if (auto found = running_.find(load.pod); found != running_.end())
            recheck(found->second, load.benched, now);
    }
    account(now);
    for (auto& [id, pod] : running_) explain_long_start(id, pod, now);
    for (const auto pod : look.hung)
        fleet().unhealthy(pod, "it kept a request far beyond timeoutSeconds", now);
    step(now, limit);
    gate_->set_outlook(outlook());
    remember(now, false);
}

// The time since the last look belongs to what is seen now: a tick is 100 ms, and errs to either side.
void Revision::account(TimePoint now) {
    const auto elapsed = std::chrono::duration<double>(now - accounted_to_).count();
    accounted_to_ = now;
    for (const auto& pod : fleet().pods()) {
        if (autoscaler::waiting(pod)) continue;  // no instance: nothing is held
        const auto load = loads_.find(pod.id);
        const bool busy = load != loads_.end() && load->second.leases > 0;
        auto state = GpuState::starting;
        if (pod.draining || pod.phase == pods::Phase::terminating)
            state = GpuState::draining;
        else if (pod.ready)
            state = busy ? GpuState::busy : GpuState::idle;
        const auto found = running_.find(pod.id);
        const auto gpus =
            found == running_.end() ? 1 : std::max<std::size_t>(1, found->second.started.gpus.size());
        gpu_seconds_[static_cast<std::size_t>(state)] += elapsed * static_cast<double>(gpus);
    }
}

void Revision::note_cold_start(const Running& pod, const std::string& pod_name, TimePoint now) {
    constexpr std::size_t kept = 12;
    const auto opened = std::clamp(pod.prober->opened().value_or(now), pod.made, now);
    const std::array<TimePoint, cold_phases + 1> steps{pod.wanted, pod.asked, pod.made, opened, now};
    ColdStartView view{pod_name, wall_time(now), {}};
    for (std::size_t i = 0; i < cold_phases; ++i) {
        const std::chrono::duration<double> took = steps[i + 1] - steps[i];
        view.seconds[i] = took.count();
        metrics_->cold_start_phase[i].observe(took);
    }
    metrics_->cold_start.observe(now - pod.wanted);
    last_cold_starts_.push_back(std::move(view));
    if (last_cold_starts_.size() > kept) last_cold_starts_.pop_front();
}

void Revision::note_failure(bool was_ready) {
    (was_ready ? metrics_->failed_service : metrics_->failed_starts).fetch_add(1, std::memory_order_relaxed);
}

// A benched pod is probed, but not at once: one that is dying still accepts connections for some
// milliseconds, and its exit is noticed soon enough.
void Revision::recheck(Running& pod, bool benched, TimePoint now) {
    if (!benched)
        pod.benched_since.reset();
    else if (!pod.benched_since)
        pod.benched_since = now;
    if (!pod.benched_since || pod.rechecking || !pod.prober ||
        now - *pod.benched_since < patience_with_the_dying)
        return;
    pod.rechecking = true;  // until the probe speaks
    pod.prober->recheck();
}

// A pod that never becomes ready says nothing by itself: its probes do, now and then.
void Revision::explain_long_start(PodId id, Running& pod, TimePoint now) {
    if (pod.backend || pod.stopping || !pod.prober || now - pod.explained < explain_every) return;
    pod.explained = now;
    const auto* named = fleet_pod(id);
    if (named == nullptr || pod.prober->last_failure().empty()) return;
    context_.events.warning(
        settings_.name_space, "Pod", named->name, "Unhealthy",
        fmt::format("Not ready {:.0f} s after it was asked for: {}",
                    std::chrono::duration<double>(now - pod.asked).count(), pod.prober->last_failure()));
}

void Revision::step(TimePoint now, int limit) {
    if (shutting_down_) return;
    if (context_.frozen) return hand_over_idle(now);
    autoscaler::Room room;
    room.limit = limit;
    if (const auto gpus =
            context_.driver.room_for(settings_.name_space + "/" + settings_.name, settings_.container))
        room.may_start = *gpus;
    if (!settings_.scaling.warm_hours.empty()) room.local = local_time();
    std::map<PodId, std::uint64_t> uses;
    for (const auto& each : usage_.pods) uses[each.pod] = each.uses;
    const auto load = [&](PodId pod) {
        auto found = loads_.find(pod);
        if (found == loads_.end()) return autoscaler::Load{};
        return autoscaler::Load{found->second.leases, found->second.sessions, uses[pod]};
    };
    const auto commands = controller_.step(seen(usage_), load, room, now);
    if (const auto change = controller_.take_change())
        context_.events.normal(settings_.name_space, "Revision", name_, "Scaled", *change);
    for (const auto& command : commands) carry_out(command, now);
    gate_->refuse_all(fleet().crash_looping(), now);
    if (!commands.empty()) context_.changed();
}

void Revision::carry_out(const autoscaler::Command& command, TimePoint now) {
    using Kind = autoscaler::Command::Kind;
    auto found = running_.find(command.pod);
    const bool known = found != running_.end();
    switch (command.kind) {
        case Kind::start:
            asio::co_spawn(context_.io, start(shared_from_this(), command.pod, command.name), asio::detached);
            return;
        case Kind::admit:
        case Kind::readmit:
            if (known && found->second.backend) gate_->admit(found->second.backend, now);
            return;
        case Kind::withdraw:
        case Kind::drain:
            gate_->drain(command.pod, now);
            return;
        case Kind::stop: {
            const auto* pod = fleet_pod(command.pod);
            gate_->drain(command.pod, now);
            const bool sick = pod == nullptr || pod->sick;
            if (!sick && gate_->leases(command.pod) > 0) {  // granted since the look
                fleet().still_busy(command.pod, now);
                return;
            }
            context_.events.normal(settings_.name_space, "Pod", command.name, "Killing", "Stopping the pod");
            ++stopping_;
            asio::co_spawn(context_.io, stop(shared_from_this(), command.pod, settings_.termination_grace),
                           asio::detached);
            return;
        }
    }
}

// --- one pod

asio::awaitable<void> Revision::start(std::shared_ptr<Revision> self, PodId id, std::string pod_name) {
    const auto asked = Clock::now();
    auto spec = self->spec_of(id, pod_name);
    auto result = co_await self->context_.driver.start(std::move(spec));
    const auto now = Clock::now();
    auto& events = self->context_.events;
    const auto& name_space = self->settings_.name_space;
    if (auto* failure = std::get_if<pods::Failure>(&result)) {
        events.warning(name_space, "Pod", pod_name, failure->reason, failure->message);
        self->note_failure(false);
        self->fleet().start_failed(id, failure->reason, failure->message, now);
        self->context_.wake();
        co_return;
    }
    auto& running = self->running_[id];
    running.started = std::get<pods::Started>(std::move(result));
    running.asked = running.explained = asked;
    running.made = now;
    const auto* fleets = self->fleet_pod(id);
    // A restarted pod has been waiting for no longer than its back-off.
    running.wanted = fleets != nullptr && fleets->restarts == 0 ? std::min(fleets->created, asked) : asked;
    running.created = std::chrono::system_clock::now();
    running.uid = pod_uid(running.started, pod_name, running.created);
    events.normal(
        name_space, "Pod", pod_name, "Started",
        fmt::format("Started at {}:{}", running.started.address.host, running.started.address.port));
    self->fleet().started(id, now);
    self->begin_probing(id, running);
    self->context_.changed();
    if (!self->all_stopped_) co_return;
    ++self->stopping_;  // it was on its way when all were stopped
    co_await stop(self, id, *self->all_stopped_);
}

void Revision::begin_probing(PodId id, Running& running) {
    const std::weak_ptr<Revision> weak = weak_from_this();
    pods::Prober::Events on;
    on.on_ready = [weak, id] {
        const auto self = weak.lock();
        if (!self) return;
        const auto now = Clock::now();
        auto found = self->running_.find(id);
        if (found == self->running_.end()) return;
        auto& pod = found->second;
        pod.rechecking = false;
        const auto* named = self->fleet_pod(id);
        auto backend = self->make_backend(id, pod, now);
        if (!pod.backend) {
            self->note_cold_start(pod, backend->name, now);
            self->cold_starts_.add(now - pod.asked);
            self->controller_.cold_start_took(now - pod.asked);
            self->context_.events.normal(self->settings_.name_space, "Pod", backend->name, "Ready",
                                         fmt::format("Ready {:.2f} s after it was asked for",
                                                     std::chrono::duration<double>(now - pod.asked).count()));
        }
        pod.backend = std::move(backend);
        self->fleet().passed(id, now);
        if (named != nullptr && named->admitted) self->gate_->admit(pod.backend, now);  // it was benched
        self->context_.wake();
    };
    on.on_unready = [weak, id](std::string why) {
        const auto self = weak.lock();
        if (!self) return;
        if (auto found = self->running_.find(id); found != self->running_.end())
            found->second.rechecking = false;
        if (const auto* pod = self->fleet_pod(id))
            self->context_.events.warning(self->settings_.name_space, "Pod", pod->name, "Unready",
                                          std::move(why));
        self->fleet().failed_probe(id, Clock::now());
        self->context_.wake();
    };
    on.on_unhealthy = [weak, id](std::string why) {
        const auto self = weak.lock();
        if (!self) return;
        if (const auto* pod = self->fleet_pod(id))
            self->context_.events.warning(self->settings_.name_space, "Pod", pod->name, "Unhealthy", why);
        const auto sick = self->running_.find(id);
        self->note_failure(sick != self->running_.end() && sick->second.backend != nullptr);
        self->fleet().unhealthy(id, std::move(why), Clock::now());
        self->context_.wake();
    };
    on.on_notice = [weak, id](std::string what) {
        const auto self = weak.lock();
        if (!self) return;
        if (const auto* pod = self->fleet_pod(id))
            self->context_.events.warning(self->settings_.name_space, "Pod", pod->name, "NotMounted",
                                          std::move(what));
    };
    const auto execute = [&driver = context_.driver, id](std::vector<std::string> command,
                                                         std::chrono::milliseconds limit) {
        return driver.execute(id, std::move(command), limit);
    };
    auto stage = pods::second_stage(settings_.container, router::name_of(settings_.profile),
                                    settings_.startup_silence, context_.startup_silence);
    running.prober =
        std::make_unique<pods::Prober>(context_.io.get_executor(), running.started.address,
                                       settings_.container, execute, std::move(on), std::move(stage));
}

asio::awaitable<void> Revision::stop(std::shared_ptr<Revision> self, PodId id,
                                     std::chrono::milliseconds grace) {
    if (auto found = self->running_.find(id); found != self->running_.end()) {
        found->second.prober.reset();
        found->second.stopping = true;
    }
    const auto* named = self->fleet_pod(id);
    const std::string pod_name = named != nullptr ? named->name : "";
    co_await self->context_.driver.stop(id, grace);
    const auto now = Clock::now();
    if (self->context_.taker != nullptr) self->context_.taker->gone(pod_name);
    self->forget(id, now);
    self->fleet().stopped(id, now);
    --self->stopping_;
    self->context_.changed();
    self->context_.wake();
}

bool Revision::exited(const pods::Exit& exit, TimePoint now) {
    const auto* pod = fleet_pod(exit.pod);
    if (pod == nullptr && !running_.contains(exit.pod)) return false;
    const auto found = running_.find(exit.pod);
    const bool asked = found != running_.end() && found->second.stopping;
    if (!asked) note_failure(found != running_.end() && found->second.backend != nullptr);
    if (pod != nullptr && !asked)
        context_.events.warning(settings_.name_space, "Pod", pod->name, "Exited",
                                fmt::format("The pod {}", exit.message));
    if (pod != nullptr && !asked && context_.taker != nullptr) context_.taker->gone(pod->name);
    forget(exit.pod, now);
    fleet().exited(exit.pod, exit.code, exit.message, now);
    context_.changed();
    context_.wake();
    return true;
}

void Revision::forget(PodId id, TimePoint now) {
    gate_->forget(id, now);
    running_.erase(id);
    loads_.erase(id);
}

const autoscaler::FleetPod* Revision::fleet_pod(PodId id) const {
    for (const auto& pod : fleet().pods())
        if (pod.id == id) return &pod;
    return nullptr;
}

// Pods on their way to ready, those that began first before the others, and then those that wait to begin.
router::Outlook Revision::outlook() const {
    router::Outlook outlook;
    outlook.usual_cold_start = cold_starts_.time();
    for (const auto& pod : fleet().pods()) {
        if (pod.ready || pod.draining || pod.phase == pods::Phase::terminating) continue;
        const auto found = running_.find(pod.id);
        const bool was_ready = found != running_.end() && found->second.backend;
        if (was_ready) continue;  // it lost its readiness: no start
        router::Outlook::Starting starting{pod.name, std::string(pods::to_string(pod.phase)), std::nullopt};
        if (!autoscaler::waiting(pod))
            starting.since = found != running_.end() ? found->second.asked : pod.since;
        outlook.starting.push_back(std::move(starting));
    }
    std::stable_sort(outlook.starting.begin(), outlook.starting.end(), [](const auto& a, const auto& b) {
        return a.since.value_or(TimePoint::max()) < b.since.value_or(TimePoint::max());
    });
    return outlook;
}

// --- shutdown

std::size_t Revision::shed_queue(TimePoint now) {
    return gate_->shed(to_shed, Refusal::overloaded, now);
}

void Revision::refuse_queue(Refusal refusal, TimePoint now) {
    shutting_down_ = true;
    gate_->refuse_queue(refusal, now);
}

void Revision::stop_all(std::chrono::milliseconds grace) {
    remember(Clock::now(), true);
    all_stopped_ = grace;
    std::vector<PodId> all;  // stop() may end, and forget the pod, before it suspends
    for (const auto& [id, running] : running_) all.push_back(id);
    for (const auto id : all) {
        gate_->drain(id, Clock::now());
        ++stopping_;
        asio::co_spawn(context_.io, stop(shared_from_this(), id, grace), asio::detached);
    }
}

// --- what others see

RevisionView Revision::view(std::uint64_t version) const {
    RevisionView view;
    view.name_space = settings_.name_space;
    view.service = settings_.name;
    view.revision = name_;
    view.retiring = retiring_;
    view.created = created_;
    view.wanted = controller_.wanted();
    view.ready = fleet().ready();
    view.starting = fleet().starting();
    view.total = static_cast<int>(fleet().pods().size());
    for (const auto& pod : fleet().pods()) view.terminating += pod.phase == pods::Phase::terminating;
    view.min_scale = settings_.scaling.min_scale;
    view.max_scale = settings_.scaling.max_scale;
    view.waiting = usage_.waiting;
    view.running = usage_.running;
    view.arrivals = usage_.arrivals;
    view.container_concurrency = settings_.container_concurrency;
    const auto& knative = controller_.knative();
    const bool ours = settings_.scaling.policy == autoscaler::Policy::break_even;
    view.desired = ours ? controller_.desired() : knative.decision().desired;
    if (const auto& averages = knative.averages(); averages && !ours) {
        view.stable = averages->stable;
        view.panic = averages->panic;
    }
    view.by_rps = settings_.scaling.metric == autoscaler::Metric::rps;
    view.target = settings_.scaling.target;
    view.excess_burst_capacity = knative.excess_burst_capacity();
    view.panic_mode = !ours && knative.panicking();
    view.crash_looping = fleet().crash_looping();
    const auto now = Clock::now();
    view.reason = controller_.reason(now);
    if (const auto& step = controller_.last_step())
        view.last_step = StepView{step->from, step->to, autoscaler::to_string(step->cause), step->sentence,
                                  wall_time(step->at)};
    for (std::size_t i = 0; i < autoscaler::causes; ++i)
        for (const bool up : {false, true})
            view.steps[i][up ? 1 : 0] = controller_.steps(static_cast<autoscaler::Cause>(i), up);
    if (ours) {
        view.keep_seconds = controller_.keeps_for(now);
        view.believed_cold_start = controller_.believed_cold_start();
    }
    constexpr std::size_t most_shown = 20, most_working = 64;
    const auto seconds = [](Duration d) { return std::chrono::duration<double>(d).count(); };
    if (usage_.running > 0)
        for (auto& one : gate_->working(most_working, now))
            view.work.push_back(
                {std::move(one.pod), std::move(one.request), std::move(one.client), seconds(one.held)});
    if (usage_.waiting > 0)
        for (auto& one : gate_->queue(most_shown, now)) {
            view.queue.push_back({std::move(one.client), std::move(one.bound), seconds(one.waited.queue),
                                  seconds(one.waited.cold)});
        }
    view.longest_lease = std::chrono::duration<double>(usage_.longest_held).count();
    view.timeout = static_cast<double>(settings_.timeout.count());
    view.gpu_seconds = gpu_seconds_;
    view.cold_starts.assign(last_cold_starts_.begin(), last_cold_starts_.end());
    view.image = settings_.container.image;
    view.metrics = metrics_;
    view.version = version;
    return view;
}

std::vector<PodView> Revision::pod_views() const {
    std::vector<PodView> views;
    for (const auto& pod : fleet().pods()) {
        PodView view;
        view.name_space = settings_.name_space;
        view.service = settings_.name;
        view.revision = name_;
        view.name = pod.name;
        view.phase = pod.phase;
        view.ready = pod.ready;
        view.draining = pod.draining;
        view.restarts = pod.restarts;
        view.slots = settings_.container_concurrency;
        view.image = settings_.container.image;
        view.reason = pod.reason;
        view.message = pod.message;
        view.created = wall_time(pod.created);
        if (auto found = running_.find(pod.id); found != running_.end()) {
            const auto& running = found->second;
            view.address = fmt::format("{}:{}", running.started.address.host, running.started.address.port);
            view.pid = running.started.pid;
            view.gpus = running.started.gpus;
            view.log_file = running.started.log_file;
            if (running.stopping) view.phase = pods::Phase::terminating;
            view.uid = hex(context_.cookie_key.tag(running.uid));
        }
        if (auto found = loads_.find(pod.id); found != loads_.end()) {
            view.leases = found->second.leases;
            view.sessions = found->second.sessions;
            view.benched = found->second.benched;
        }
        views.push_back(std::move(view));
    }
    return views;
}

}  // namespace proxy
