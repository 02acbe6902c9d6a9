// Clients and pods of the closed loop, and what must hold after every event.
#include "loop.hpp"

namespace sim {

using std::chrono::milliseconds;
using std::chrono::seconds;

Loop::Loop(std::uint64_t seed) : dice_(seed), second_(autoscaler::second_of(start_)) {
    const int slots[] = {1, 1, 1, 3, 0};
    queueing_.container_concurrency = slots[dice_.pick(0, 4)];
    if (dice_.chance(30)) queueing_.affinity_wait = between(0, 3'000);
    scaling_.target = scaling_.total = std::max(1, queueing_.container_concurrency);
    scaling_.stable_window = seconds{dice_.pick(6, 30)};
    scaling_.panic_window = std::max(seconds{1}, scaling_.stable_window / 10);
    scaling_.max_scale = dice_.pick(1, 6);
    scaling_.min_scale = dice_.chance(60) ? 0 : dice_.pick(1, scaling_.max_scale);
    pool_.emplace(queueing_, start_);
    scaler_.emplace(scaling_, start_, autoscaler::Start{});
    wish_ = scaler_->reconcile(0, start_);
    in({}, [this] { every_quarter_second(); });
}

void Loop::every_quarter_second() {
    tick();
    in(milliseconds{250}, [this] { every_quarter_second(); });
}

void Loop::live() {
    for (int i = 0; i < 25; ++i) {
        burst();
        run_for(between(0, dice_.chance(20) ? 20'000 : 3'000));
    }
}

// No more trouble: old wounds heal, a last burst is served whole, and then nothing is left but the minimum.
void Loop::settle() {
    quiet_ = true;
    for (int minute = 0; minute < 2 || (minute < 30 && !requests_.empty()); ++minute) run_for(seconds{60});
    expect(requests_.empty(), "everybody has had an answer");
    came_ = served_ = 0;
    for (int i = 0; i < 20; ++i) arrive();
    run_for(seconds{180});
    expect(served_ == came_, "when the noise ends everybody is served");
    run_for(2 * scaling_.stable_window + seconds{60});
    expect(fleet_.ready() == scaling_.min_scale, "pods reach their minimum");
    expect(static_cast<int>(instances_.size()) == scaling_.min_scale, "nothing is left behind at the driver");
    expect(pool_->waiting() == 0 && pool_->running() == 0, "the pool is empty");
    for (const auto& [id, instance] : instances_) expect(pool_->leases(id) == 0, "no slot is missing");
    for (const auto& [id, instance] : instances_) expect(pool_->admitted(id), "whoever was benched is back");
}

std::string Loop::diary() const {
    std::string all;
    for (const auto& line : diary_) all += line + "\n";
    for (const auto& [ticket, request] : requests_)
        all += "left: request " + number(ticket) + (request.on ? " on " + number(*request.on) : " waiting") +
               "\n";
    return all;
}

void Loop::note(const std::string& what) {
    diary_.push_back(std::to_string(std::chrono::duration<double>(now_ - start_).count()) + " " + what);
    if (diary_.size() > 80) diary_.pop_front();
}

Duration Loop::between(int from_ms, int to_ms) {
    return milliseconds{dice_.pick(from_ms, to_ms)};
}

void Loop::in(Duration delay, std::function<void()> what) {
    agenda_.emplace(now_ + delay, std::move(what));
}

void Loop::run_for(Duration time) {
    const auto until = now_ + time;
    while (!agenda_.empty() && agenda_.begin()->first <= until) {
        auto next = agenda_.extract(agenda_.begin());
        now_ = next.key();
        next.mapped()();
        dispatch();
        check();
    }
    now_ = until;
}

// --- clients

void Loop::burst() {
    const int size = dice_.chance(20) ? dice_.pick(5, 15) : dice_.pick(0, 3);
    for (int i = 0; i < size; ++i) in(between(0, 300), [this] { arrive(); });
}

void Loop::arrive() {
    if (come()) tick();
}

bool Loop::come() {
    router::Arrival arrival;
    if (!instances_.empty() && dice_.chance(40)) arrival.bound = dice_.any(instances_).first;
    const auto ticket = pool_->arrive(arrival, now_);
    expect(ticket.has_value(), "the queue is deep enough");
    ++came_;
    requests_[*ticket] = {};
    const bool cold = !pool_->any_admitted();
    dispatch();
    if (!quiet_ && dice_.chance(15))
        in(between(0, 5'000), [this, id = *ticket] {
            if (requests_.contains(id) && !requests_[id].on) over(id);  // the client left
        });
    return cold;
}

void Loop::over(Ticket ticket) {
    expect(requests_.erase(ticket) == 1, "a request ends once");
    pool_->leave(ticket, now_);
}

void Loop::dispatch() {
    for (const auto [ticket, pod] : pool_->dispatch(now_)) {
        expect(requests_.contains(ticket) && !requests_[ticket].on, "only who waits gets a slot");
        expect(instances_.contains(pod) && !instances_[pod].stopping,
               "nothing new on a pod that stops or is gone");
        note("granted " + number(ticket) + " " + number(pod));
        requests_[ticket].on = pod;
        ++requests_[ticket].attempts;
        work(ticket, pod);
    }
}

void Loop::work(Ticket ticket, PodId pod) {
    const bool hangs = !quiet_ && dice_.chance(2), breaks = !quiet_ && dice_.chance(3);
    const auto attempt = requests_[ticket].attempts;
    in(hangs ? seconds{20} : between(10, 3'000), [this, ticket, pod, attempt, hangs, breaks] {
        const auto found = requests_.find(ticket);
        if (found == requests_.end() || found->second.on != pod || found->second.attempts != attempt) return;
        if (breaks) return break_off(ticket, pod);
        if (hangs) hang(pod);
        finish(ticket, pod);
    });
}

void Loop::finish(Ticket ticket, PodId pod) {
    if (!quiet_ && dice_.chance(5)) {
        pool_->failed(pod, now_);
    } else {
        pool_->succeeded(pod);
        ++served_;
    }
    over(ticket);
}

void Loop::abandon(PodId pod) {
    for (const auto& [ticket, request] : requests_) {
        if (request.on != pod) continue;
        in(between(0, 50), [this, ticket = ticket, pod] {
            if (requests_.contains(ticket) && requests_[ticket].on == pod) break_off(ticket, pod);
        });
    }
}

void Loop::break_off(Ticket ticket, PodId pod) {
    note("breaks " + number(ticket) + " " + number(pod));
    pool_->bench(pod, now_);
    auto& request = requests_[ticket];
    if (request.attempts > 1) return over(ticket);
    request.on.reset();
    expect(pool_->retry(ticket, now_), "who held a slot can be retried");
}

// --- pods

bool Loop::up(PodId id) const {
    return instances_.contains(id) && instances_.at(id).up && !instances_.at(id).stopping;
}

void Loop::start(PodId id) {
    instances_[id] = {};
    const bool fails = !quiet_ && dice_.chance(15);
    in(between(0, 2'000), [this, id, fails] {
        if (!instances_.contains(id)) return;
        if (fails) {
            instances_.erase(id);
            fleet_.start_failed(id, "FailedStart", "it did not start", now_);
            return tick();
        }
        instances_[id].up = true;
        fleet_.started(id, now_);
        in(between(100, 8'000), [this, id] { probe(id); });
        if (!quiet_ && dice_.chance(30)) in(between(0, 30'000), [this, id] { crash(id); });
        if (!quiet_ && dice_.chance(20))
            in(between(3'000, 20'000), [this, id] {
                if (!up(id)) return;
                note("loses its readiness " + number(id));
                instances_[id].ready = false;
                fleet_.failed_probe(id, now_);
                in(between(100, 5'000), [this, id] { probe(id); });
                tick();
            });
    });
}

// A probe that passes: it is ready, or ready again, or was benched for nothing.
void Loop::probe(PodId id) {
    if (!up(id)) return;
    instances_[id].ready = true;
    instances_[id].rechecking = false;
    const auto* named = fleet_pod(id);
    fleet_.passed(id, now_);
    if (named != nullptr && named->admitted) pool_->admit(id, now_);
    tick();
}

void Loop::crash(PodId id) {
    if (!instances_.contains(id) || !instances_[id].up) return;
    note("crashes " + number(id));
    if (instances_[id].stopping) return;  // its stop will be answered
    remove(id);
    fleet_.exited(id, 1, "it crashed", now_);
    tick();
}

void Loop::remove(PodId id) {
    abandon(id);
    pool_->forget(id, now_);
    instances_.erase(id);
}

// Its request outlived every bound: control replaces it.
void Loop::hang(PodId id) {
    if (!up(id)) return;
    note("hangs " + number(id));
    pool_->drain(id, now_);
    instances_[id].sick = true;
    fleet_.unhealthy(id, "it kept a request far beyond its timeout", now_);
}

// --- what must hold

void Loop::check() const {
    expect(pool_->check() == "", pool_->check());
    expect(static_cast<int>(instances_.size()) <= scaling_.max_scale, "never more pods alive than the limit");
    expect(fleet_.alive() == static_cast<int>(instances_.size()), "fleet and driver agree on who is alive");
    std::size_t waiting = 0;
    std::map<PodId, int> busy;
    for (const auto& [ticket, request] : requests_) {
        if (request.on)
            ++busy[*request.on];
        else
            ++waiting;
    }
    expect(waiting == pool_->waiting() && requests_.size() - waiting == pool_->running(),
           "a request waits, or holds a slot, or is over");
    for (const auto& [id, count] : busy)
        expect(queueing_.container_concurrency == 0 || count <= queueing_.container_concurrency,
               "never more on a pod than slots");
    for (const auto& pod : fleet_.pods())
        if (pool_->admitted(pod.id)) expect(up(pod.id), "the pool has only pods that are up");
}

}  // namespace sim
