// What those who wait are told.
#include "lobby.hpp"

using State = router::Place::State;

namespace {

struct Queue : Lobby {
    Lease come(const std::string& name, const Caller& caller = {}) { return enter(caller, {name}); }
    router::Place place(std::string_view name) {
        const auto found = gate->place(name, now);
        REQUIRE(found);
        return *found;
    }
    void start(std::string phase, std::optional<TimePoint> since, std::optional<Duration> usual) {
        router::Outlook outlook;
        outlook.starting = {{"sd-1", std::move(phase), since}, {"sd-2", "Pending", {}}};
        outlook.usual_cold_start = usual;
        gate->set_outlook(std::move(outlook));
    }
};

}  // namespace

TEST_CASE("a request is asked for by its name while it waits, runs and when it is done", "[gate][places]") {
    Queue q;
    CHECK_FALSE(q.gate->place("request:a", q.now));
    auto first = q.come("request:a");
    const auto second = q.enter({}, {"request:b", "task:b"});
    CHECK(q.place("request:a").state == State::waiting);
    CHECK(q.place("task:b").ahead == 1);
    q.now += 5s;
    CHECK(q.place("task:b").waited.cold == 5s);
    q.admit(1);
    CHECK(q.place("request:a").state == State::running);
    CHECK(q.place("request:a").pod == "pod-1");
    CHECK(q.place("request:b").ahead == 0);
    first.release();
    CHECK(q.place("request:a").state == State::finished);
    CHECK(q.place("request:a").pod == "pod-1");
    CHECK(q.place("task:b").state == State::running);
}

TEST_CASE("who was turned away, or left the queue, is finished, and ran nowhere", "[gate][places]") {
    Queue q;
    q.configure([](auto& s) { s.cold_start_timeout = 10s; });
    auto late = q.come("request:late"), leaving = q.come("request:leaving");
    leaving.release();
    CHECK(q.place("request:leaving").state == State::finished);
    q.now += 10s;
    q.gate->look(q.now);
    CHECK(q.place("request:late").state == State::finished);
    late.release();
    CHECK(q.place("request:late").state == State::finished);
    CHECK(q.place("request:late").pod == "");
    q.now += router::Places::kept_for + 1s;
    q.gate->look(q.now);
    CHECK_FALSE(q.gate->place("request:late", q.now));
}

TEST_CASE("a session that waits for its own pod has only those ahead who may take it", "[gate][places]") {
    Queue q;
    q.admit(1);
    q.admit(2);
    const auto one = q.come("request:1", {{}, session(1, 101)}),
               two = q.come("request:2", {{}, session(2, 102)});
    const auto other = q.come("request:other", {{}, session(2)});
    const auto own = q.come("request:own", {{}, session(1)}), next = q.come("request:next", {{}, session(1)});
    const auto anybody = q.come("request:any");
    CHECK(q.place("request:own").ahead == 0);
    CHECK(q.place("request:next").ahead == 1);
    CHECK(q.place("request:any").ahead == 3);
}

TEST_CASE("a cold service says what its pods do, and how long that takes", "[gate][places]") {
    Queue q;
    const auto waiting = q.come("request:a");
    CHECK(q.place("request:a").service.starting_pods == 0);
    CHECK_FALSE(q.place("request:a").service.cold_elapsed);
    q.start("ContainerCreating", q.now, {});
    q.now += 15s;
    auto place = q.place("request:a");
    CHECK(place.service.starting_pods == 2);
    CHECK(place.service.starting_pod == "sd-1");
    CHECK(place.service.phase == "ContainerCreating");
    CHECK(place.service.cold_elapsed == 15s);
    CHECK_FALSE(place.expected_wait);
    q.start("Running", q.now - 15s, 40s);
    place = q.place("request:a");
    CHECK(place.expected_wait == 25s);
    CHECK(place.service.usual_cold_start == 40s);
}

TEST_CASE("the wait is told by how long slots are usually held", "[gate][places]") {
    Queue q;
    q.admit(1);
    const auto serve = [&](Duration time) {  // a lease ends by the real clock
        q.now = Clock::now() - time;
        return pod_of(q.come("request:1"));
    };
    CHECK(serve(-1s) == 1);  // a navigation, say: nobody generates in no time
    CHECK_FALSE(q.gate->overview(q.now).usual_service);
    CHECK(serve(100s) == 1);
    const auto usual = q.gate->overview(q.now).usual_service;
    REQUIRE(usual);
    CHECK(*usual >= 100s);
    const auto running = q.come("request:2"), next = q.come("request:3"), last = q.come("request:4");
    q.now += 40s;
    CHECK(q.place("request:3").expected_wait == *usual - 40s);
    CHECK(q.place("request:4").expected_wait == 2 * *usual - 40s);
    CHECK(q.gate->overview(q.now).expected_wait == 3 * *usual - 40s);
}

TEST_CASE("whoever would come now is told too", "[gate][places]") {
    Queue q;
    CHECK_FALSE(q.gate->overview(q.now).expected_wait);
    q.admit(1);
    CHECK(q.gate->overview(q.now).expected_wait == 0s);
    const auto holder = q.come("request:1"), waiting = q.come("request:2");
    const auto overview = q.gate->overview(q.now);
    CHECK(overview.waiting == 1);
    CHECK(overview.running == 1);
    CHECK(overview.ready_pods == 1);
    CHECK_FALSE(overview.expected_wait);
}

TEST_CASE("the queue is shown with who waits, for how long, and for which pod", "[gate][places]") {
    Queue q;
    Caller ada{{"session:ada"}, {}, "192.0.2.1"}, ben{{}, {}, "192.0.2.2"};
    q.admit(1);
    const auto busy = q.enter(ada, {});
    q.now += 1s;
    const auto first = q.enter(ada, {}), second = q.enter(ben, {});
    q.now += 3s;
    const auto queue = q.gate->queue(10, q.now);
    REQUIRE(queue.size() == 2);
    CHECK(queue[0].client == "192.0.2.1");
    CHECK(queue[0].bound == "pod-1");
    CHECK(queue[0].waited.queue == 3s);
    CHECK(queue[1].client == "192.0.2.2");
    CHECK(queue[1].bound.empty());
    CHECK(q.gate->queue(1, q.now).size() == 1);
}

TEST_CASE("those who work are shown with pod, request and how long they have it", "[gate][places]") {
    Queue q;
    q.admit(1);
    const std::vector<std::string> names{"task:x", "request:abc"};
    const auto busy = q.enter(Caller{{}, {}, "192.0.2.1"}, names);
    q.now += 4s;
    const auto working = q.gate->working(10, q.now);
    REQUIRE(working.size() == 1);
    CHECK(working[0].pod == "pod-1");
    CHECK(working[0].request == "abc");
    CHECK(working[0].client == "192.0.2.1");
    CHECK(working[0].held == 4s);
    CHECK(q.gate->working(0, q.now).empty());
}
