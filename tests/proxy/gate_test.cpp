// The gate on one thread: grants, sessions, refusals and when control is woken.
#include "lobby.hpp"

TEST_CASE("a free slot is granted before enter returns", "[gate]") {
    Lobby l;
    l.admit(1);
    const auto lease = l.enter();
    CHECK(pod_of(lease) == 1);
    CHECK(l.wakes == 0);
}

TEST_CASE("a lease that ends passes its slot on", "[gate]") {
    Lobby l;
    l.admit(1);
    auto first = l.enter();
    const auto second = l.enter();
    CHECK(pod_of(second) == 0);
    first.release();
    l.settle();
    CHECK(pod_of(second) == 1);
    first.release();
    CHECK(l.gate->leases(PodId{1}) == 1);
}

TEST_CASE("a grant on its way to somebody who has just left is given back", "[gate]") {
    Lobby l;
    auto leaving = l.enter();
    const auto staying = l.enter();
    auto backend = std::make_shared<Backend>();
    backend->id = PodId{1};
    l.gate->admit(std::move(backend), l.now);  // posted to the waiter's thread, not there yet
    CHECK_FALSE(leaving.granted());
    leaving.release();
    l.settle();
    CHECK(pod_of(staying) == 1);
}

TEST_CASE("nothing is kept of somebody who has left", "[gate]") {
    Lobby l;
    auto waiting = l.enter();
    const std::weak_ptr<Waiter> waiter = waiting.shared_waiter();
    SECTION("while he waited") {}
    SECTION("with his slot") {
        l.admit(1);
    }
    SECTION("after a retry") {
        l.admit(1);
        l.retry(waiting);
        CHECK(waiter.expired());
    }
    waiting = Lease{};
    CHECK(waiter.expired());
}

TEST_CASE("who comes while no pod is there wakes control", "[gate]") {
    Lobby l;
    const auto lease = l.enter();
    CHECK(l.wakes == 1);
    CHECK(l.gate->look(l.now).usage.waiting == 1);
}

TEST_CASE("a session stays on its pod, and moves when that is gone", "[gate]") {
    Lobby l;
    l.admit(1);
    l.admit(2);
    auto first = l.enter(session(7));
    const auto own = pod_of(first);
    CHECK(l.home(7) == own);
    const auto second = l.enter(session(7));
    CHECK_FALSE(second.granted());  // the other pod is free
    l.gate->forget(PodId{own}, l.now);
    l.settle();
    CHECK(pod_of(second) == 3 - own);
    CHECK_FALSE(second.waiter().borrowed);
    CHECK(l.home(7) == 3 - own);
}

TEST_CASE("a session that is not remembered is where its cookie says", "[gate]") {
    Lobby l;
    l.admit(1);
    l.admit(2);
    const auto one = l.enter(session(7, 102)), other = l.enter(session(8, 101)),
               lost = l.enter(session(9, 999));
    CHECK(pod_of(one) == 2);
    CHECK(pod_of(other) == 1);
    CHECK_FALSE(lost.granted());
}

TEST_CASE("a session that leaves its busy pod for a while keeps its binding, also through a retry",
          "[gate]") {
    Lobby l;
    l.configure([](auto& s) { s.affinity_wait = 0s; });
    l.admit(1);
    auto first = l.enter(session(7));
    l.admit(2);
    auto guest = l.enter(session(7));
    CHECK(pod_of(guest) == 2);
    CHECK(guest.waiter().borrowed);
    CHECK(l.home(7) == 1);
    l.admit(3);
    l.gate->bench(PodId{2}, l.now);
    CHECK(l.retry(guest));
    CHECK(pod_of(guest) == 3);
    CHECK(guest.waiter().borrowed);
    CHECK(l.home(7) == 1);
}

TEST_CASE("a session whose pod died under its request lives where the request was retried", "[gate]") {
    Lobby l;
    l.admit(1);
    auto lease = l.enter(session(7));
    l.admit(2);
    l.gate->bench(PodId{1}, l.now);
    CHECK(l.retry(lease));
    CHECK(pod_of(lease) == 2);
    CHECK_FALSE(lease.waiter().borrowed);
    l.admit(1);  // it was a false alarm
    CHECK(l.home(7) == 2);
}

TEST_CASE("control is woken when a pod is benched, and when a drained one is empty", "[gate]") {
    Lobby l;
    l.admit(1);
    l.admit(2);
    auto one = l.enter(session(1, 101)), two = l.enter(session(2, 102));
    l.gate->drain(PodId{1}, l.now);
    CHECK(l.wakes == 0);
    one.release();
    CHECK(l.wakes == 1);
    l.gate->drain(PodId{2}, l.now);
    l.admit(1);
    l.wakes = 0;
    CHECK(l.retry(two));  // as its connection broke just when it was drained
    CHECK(l.wakes == 1);
    l.gate->bench(PodId{1}, l.now);
    CHECK(l.wakes == 2);
}

TEST_CASE("three failures in a row wake control once", "[gate]") {
    Lobby l;
    l.admit(1);
    for (int i = 0; i < 3; ++i) l.gate->failed(PodId{1}, l.now);
    CHECK(l.wakes == 1);
    CHECK(l.gate->look(l.now).pods.at(0).benched);
}

TEST_CASE("a look turns away whoever is out of time, and says why", "[gate]") {
    Lobby l;
    l.configure([](auto& s) { s.queue_timeout = 10s, s.cold_start_timeout = 20s; });
    const auto cold = l.enter();
    CHECK(l.gate->look(l.now).next_due == l.now + 20s);
    l.gate->look(l.now + 20s);
    l.settle();
    CHECK(cold.refused() == Refusal::cold_start_timeout);
    l.admit(1);
    const auto holder = l.enter(), queued = l.enter();
    l.gate->look(l.now + 10s);
    l.settle();
    CHECK(queued.refused() == Refusal::queue_timeout);
    CHECK_FALSE(holder.refused());
    l.gate->refuse_all(true, l.now);
    l.gate->drain(PodId{1}, l.now);
    const auto hopeless = l.enter();
    l.gate->look(l.now);
    l.settle();
    CHECK(hopeless.refused() == Refusal::unavailable);
}

TEST_CASE("a full queue refuses at once", "[gate]") {
    Lobby l;
    l.configure([](auto& s) { s.queue_depth = 1; });
    const auto first = l.enter(), second = l.enter();
    CHECK_FALSE(first.refused());
    CHECK(second.refused() == Refusal::queue_full);
    CHECK_FALSE(second);
}

TEST_CASE("a pod that hangs gets nothing new, and control hears of it once", "[gate]") {
    Lobby l;
    l.admit(1);
    l.gate->hung(PodId{1}, l.now);
    CHECK(l.wakes == 1);
    CHECK_FALSE(l.enter().granted());
    CHECK(l.gate->look(l.now).hung == std::vector{PodId{1}});
    CHECK(l.gate->look(l.now).hung.empty());
}

TEST_CASE("once the queue is refused nobody waits any more, whatever happens", "[gate]") {
    Lobby l;
    l.admit(1);
    auto holder = l.enter();
    const auto waiting = l.enter();
    l.gate->refuse_queue(Refusal::shutting_down, l.now);
    l.settle();
    CHECK(waiting.refused() == Refusal::shutting_down);
    CHECK_FALSE(holder.refused());
    CHECK(l.enter().refused() == Refusal::shutting_down);
    l.configure([](auto& s) { s.queue_depth = 100; });  // a reload meanwhile
    CHECK(l.enter().refused() == Refusal::shutting_down);
    l.admit(2);
    CHECK(pod_of(l.enter()) == 2);  // who need not wait is served
    SECTION("a retried request that finds a slot gets it") {
        l.gate->bench(PodId{1}, l.now);
        CHECK(l.retry(holder));
        CHECK(pod_of(holder) == 2);
    }
    SECTION("a retried request that finds none is refused") {
        l.gate->forget(PodId{2}, l.now);
        l.gate->bench(PodId{1}, l.now);
        l.retry(holder);
        CHECK(holder.refused() == Refusal::shutting_down);
    }
    holder.release();
    l.wakes = 0;
    l.gate->drain(PodId{1}, l.now);
    l.gate->drain(PodId{2}, l.now);
    CHECK(l.enter().refused() == Refusal::shutting_down);
    CHECK(l.wakes == 0);  // and no pod is started for him
    const auto look = l.gate->look(l.now);
    CHECK(look.usage.waiting == 0);
    CHECK(look.usage.running == 0);
}

TEST_CASE("light requests go to their session's pod, else to the least busy one", "[gate]") {
    Lobby l;
    CHECK(l.home(1) == 0);
    l.admit(1);
    l.admit(2);
    const auto lease = l.enter(session(7, 101));
    CHECK(l.home(7) == 1);
    CHECK(l.home(8) == 2);
    l.gate->drain(PodId{2}, l.now);
    CHECK(l.home(8) == 1);
}
