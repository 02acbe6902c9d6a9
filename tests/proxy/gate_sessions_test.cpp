// Where a client's requests go, with and without a slot, by what is known of him.
#include "lobby.hpp"

using router::Towards;

namespace {

Caller named(std::vector<std::string> ids, std::string origin = {}) {
    return {std::move(ids), {}, std::move(origin)};
}
Caller from(std::string origin) {
    return named({}, std::move(origin));
}

// Three pods; a client with these ids holds the slot of `pod`.
struct Floor : Lobby {
    Floor() {
        for (const std::uint64_t id : {1u, 2u, 3u}) admit(id);
    }
    Lease work_on(std::uint64_t pod, Caller caller) {
        caller.cookie = session(1000 + pod, 100 + pod);
        auto lease = enter(caller);
        REQUIRE(pod_of(lease) == pod);
        return lease;
    }
    Unplaced why_not(const Caller& caller, Towards towards) {
        const auto placed = gate->any_pod(caller, towards, now);
        CHECK_FALSE(placed.pod);
        return placed.why;
    }
};

}  // namespace

TEST_CASE("a client without cookies stays on its pod by what it calls itself", "[gate][sessions]") {
    Floor f;
    auto first = f.enter(named({"session:a"}));
    const auto own = pod_of(first);
    CHECK(f.light(named({"session:a"})) == own);
    const auto second = f.enter(named({"task:new", "session:a"}));
    CHECK_FALSE(second.granted());  // others are free
    first.release();
    f.settle();
    CHECK(pod_of(second) == own);
    CHECK(f.light(named({"task:new"})) == own);
}

TEST_CASE("who lived on a pod is found there when another gateway has it", "[gate][sessions]") {
    Floor old, next;
    auto work = old.work_on(2, named({"session:a"}));
    const auto sessions = old.gate->sessions_of(PodId{2});
    CHECK(std::any_of(sessions.begin(), sessions.end(),
                      [](const auto& known) { return known.id == "session:a"; }));
    next.gate->settle(PodId{3}, sessions, next.now);  // by its number there
    CHECK(next.light(named({"session:a"})) == 3);
    CHECK(pod_of(next.enter(named({"session:a"}))) == 3);
}

TEST_CASE("what takes no slot finds a pod that another gateway has still, and generations wait for it",
          "[gate][sessions]") {
    Lobby l;
    auto backend = std::make_shared<Backend>();
    backend->id = PodId{1};
    l.gate->expect(backend, l.now);
    CHECK(l.light(named({"session:a"})) == 1);
    CHECK(l.light({}, Towards::busy) == 1);
    const auto work = l.enter(named({"session:a"}));
    CHECK_FALSE(work.granted());
    l.gate->admit(backend, l.now);
    l.settle();
    CHECK(pod_of(work) == 1);
}

TEST_CASE("ids go before the cookie, in their order", "[gate][sessions]") {
    Floor f;
    const auto a = f.work_on(1, named({"task:a"})), b = f.work_on(2, named({"task:b"}));
    CHECK(f.light({{"task:b", "task:a"}, session(9, 103)}) == 2);
    CHECK(f.light({{"task:unknown", "task:a"}, session(9, 103)}) == 1);
    CHECK(f.light({{"task:unknown"}, session(9, 103)}) == 3);
}

TEST_CASE("what a pod has named in an answer leads back to it", "[gate][sessions]") {
    Floor f;
    f.gate->learn(std::vector<std::string>{"event:e"}, PodId{2}, f.now);
    CHECK(f.light(named({"event:e"}), Towards::seek) == 2);
    f.gate->learn(std::vector<std::string>{"event:x"}, PodId{99}, f.now);  // gone meanwhile
    CHECK(f.light(named({"event:x"}), Towards::seek) == 1);
}

TEST_CASE("a client that names itself before it works lives where it was sent", "[gate][sessions]") {
    Floor f;
    const auto socket = f.light(named({"client:c"}));
    const auto next = f.light(named({"client:d"}));
    CHECK(socket != next);  // those who only look on spread
    CHECK(pod_of(f.enter(named({"client:c"}))) == socket);
    CHECK(pod_of(f.enter(named({"client:d"}))) == next);
}

TEST_CASE("a question after a thing does not bind it to who was asked first", "[gate][sessions]") {
    Floor f;
    CHECK(f.light(named({"prompt:p"}), Towards::seek) == 1);
    const auto elsewhere = f.work_on(1, {});
    CHECK(f.light(named({"prompt:p"}), Towards::seek) == 2);
}

TEST_CASE("a job on a borrowed pod is found there, and its client stays at home", "[gate][sessions]") {
    Lobby l;
    l.configure([](auto& s) { s.affinity_wait = 0s; });
    l.admit(1);
    const auto first = l.enter(named({"session:a", "task:1"}));
    l.admit(2);
    const auto guest = l.enter(named({"session:a", "task:2"}));
    CHECK(pod_of(guest) == 2);
    CHECK(guest.waiter().borrowed);
    CHECK(l.light(named({"task:2"})) == 2);
    CHECK(l.light(named({"session:a"})) == 1);
}

TEST_CASE("who is bound to a pod that leaves works elsewhere, and watches what still runs there",
          "[gate][sessions]") {
    Floor f;
    auto old = f.work_on(1, named({"session:a", "task:old"}));
    f.gate->drain(PodId{1}, f.now);
    CHECK(f.light(named({"session:a"})) == 1);
    const auto next = f.enter(named({"session:a", "task:next"}));
    CHECK(pod_of(next) != 1);
    CHECK(f.light(named({"session:a"})) == pod_of(next));
    CHECK(f.light(named({"task:old"})) == 1);
    old.release();
    CHECK(f.light(named({"task:old"})) != 1);  // idle: it goes now
}

TEST_CASE("a pod that is gone, or whose connection broke, holds nobody", "[gate][sessions]") {
    Floor f;
    const auto work = f.work_on(1, named({"session:a"}));
    f.gate->bench(PodId{1}, f.now);
    CHECK(f.light(named({"session:a"})) == 2);
    f.gate->forget(PodId{1}, f.now);
    CHECK(f.light(named({"session:a"})) == 2);
    f.gate->forget(PodId{2}, f.now);
    CHECK(f.light(named({"session:a"})) == 3);
    f.gate->forget(PodId{3}, f.now);
    CHECK(f.why_not(named({"session:a"}), Towards::any) == Unplaced::no_pod);
    CHECK(f.why_not(named({"session:a"}), Towards::owner) == Unplaced::no_pod);
}

TEST_CASE("a poll of nobody known goes where its address works, else to the busiest, else anywhere",
          "[gate][sessions]") {
    Floor f;
    CHECK(f.light(from("192.0.2.1"), Towards::busy) == 1);
    auto one = f.work_on(2, from("192.0.2.1")), two = f.work_on(3, from("192.0.2.2"));
    CHECK(f.light(from("192.0.2.1"), Towards::busy) == 2);
    CHECK(f.light(from("192.0.2.2"), Towards::busy) == 3);
    CHECK(f.light(from("192.0.2.9"), Towards::busy) == 3);  // the last one used
    CHECK(f.light({}, Towards::busy) == 3);
    two.release();
    CHECK(f.light(from("192.0.2.2"), Towards::busy) == 2);
    CHECK(f.light(from("192.0.2.1"), Towards::any) == 1);  // an address says nothing else
}

TEST_CASE("of those who come at once, each address looks on at a pod of its own", "[gate][sessions]") {
    Floor f;
    CHECK(f.light(from("192.0.2.1")) == 1);
    CHECK(f.light(from("192.0.2.2")) == 2);
    CHECK(f.light(from("192.0.2.2")) == 2);
    CHECK(f.light(from("192.0.2.3")) == 3);
    CHECK(f.light(from("192.0.2.1")) == 1);
    CHECK(f.light(from("192.0.2.4")) == 1);
    CHECK(f.light(from("192.0.2.1")) == 2);  // it has to share, and might as well do so elsewhere
    const auto work = f.work_on(1, {});
    CHECK(f.light(from("192.0.2.4")) == 3);  // where nobody works
}

TEST_CASE("two who were sent to the same pod part when they say who they are", "[gate][sessions]") {
    Floor f;
    f.gate->drain(PodId{3}, f.now);
    f.work_on(1, named({"session:old"})).release();
    CHECK(f.light(from("192.0.2.1")) == 2);
    CHECK(f.light(from("192.0.2.2")) == 2);
    CHECK(f.light(named({"session:a"}, "192.0.2.1")) == 2);
    CHECK(f.light(named({"session:b"}, "192.0.2.2")) == 1);
}

TEST_CASE("a file of nobody known is looked for first where its address had its work done",
          "[gate][sessions]") {
    Floor f;
    f.work_on(2, from("192.0.2.1")).release();
    f.work_on(3, from("192.0.2.2")).release();
    CHECK(f.light(from("192.0.2.1"), Towards::seek) == 2);
    CHECK(f.light(from("192.0.2.2"), Towards::seek) == 3);
    CHECK(f.light(from("192.0.2.9"), Towards::seek) == 1);
    CHECK(f.light(named({"session:a"}, "192.0.2.2"), Towards::seek) == 3);
}

TEST_CASE("an interrupt hits the caller's own pod, or the only one that works, or nobody",
          "[gate][sessions]") {
    Floor f;
    CHECK(f.why_not({}, Towards::owner) == Unplaced::none_busy);
    const auto one = f.work_on(2, named({"session:a"}));
    CHECK(f.light({}, Towards::owner) == 2);
    const auto two = f.work_on(3, named({"session:b"}));
    CHECK(f.why_not(from("192.0.2.1"), Towards::owner) == Unplaced::several_busy);
    CHECK(f.light(named({"session:a"}), Towards::owner) == 2);
    CHECK(f.gate->any_pod(named({"session:b"}), Towards::owner, f.now).known);
    f.gate->bench(PodId{2}, f.now);  // also while nothing new goes there
    CHECK(f.light(named({"session:a"}), Towards::owner) == 2);
}

TEST_CASE("an interrupt does not hit who shares a pod with the caller", "[gate][sessions]") {
    Lobby l;
    l.admit(1);
    auto work = l.enter({{"session:a", "task:1"}, session(7, 101)});
    REQUIRE(pod_of(work) == 1);
    CHECK(l.light({{"session:a"}, std::nullopt}, Towards::owner) == 1);
    CHECK(l.light({{"session:other tab"}, session(7, 101)}, Towards::owner) == 1);
    CHECK(l.light({{"task:1"}, std::nullopt}, Towards::owner) == 1);
    CHECK(l.light({}, Towards::owner) == 1);                            // who says nothing may be he
    CHECK(l.light({{"client:x"}, std::nullopt}, Towards::owner) == 1);  // so may who says it otherwise
    const auto why_not = [&](const Caller& caller) {
        const auto placed = l.gate->any_pod(caller, Towards::owner, l.now);
        return !placed.pod && placed.why == Unplaced::none_busy;
    };
    CHECK(why_not({{"session:b"}, std::nullopt}));
    CHECK(why_not({{}, session(8, 101)}));
    CHECK(why_not({{"session:b", "task:2"}, session(8, 101)}));
    work.release();
    CHECK(l.light({{"session:b"}, session(8, 101)}, Towards::owner) == 1);  // nothing is hit
}

TEST_CASE("with one pod an interrupt goes there", "[gate][sessions]") {
    Lobby l;
    l.admit(1);
    CHECK(l.light({}, Towards::owner) == 1);
}

TEST_CASE("the others are those that are ready", "[gate][sessions]") {
    Floor f;
    f.gate->drain(PodId{3}, f.now);
    const auto others = f.gate->others(PodId{1});
    REQUIRE(others.size() == 1);
    CHECK(others.front()->id == PodId{2});
}

TEST_CASE("a session ends with the cookie's time, and a client counts once on his pod", "[gate][sessions]") {
    Floor f;
    auto lease = f.enter({{"session:a", "client:a", "task:1"}, session(7, 102)});
    CHECK(pod_of(lease) == 2);
    auto other = f.enter(named({"session:b", "client:b", "task:2"}));
    CHECK(pod_of(other) == 1);
    const auto look = f.gate->look(f.now);
    CHECK(look.pods.at(0).sessions == 1);
    CHECK(look.pods.at(1).sessions == 1);
    lease.release();
    f.now += 30min + 1s;
    CHECK(f.gate->look(f.now).pods.at(1).sessions == 0);
    CHECK(f.light(named({"session:a"})) != 1);  // pod 1 is busy, and nothing else is known
}
