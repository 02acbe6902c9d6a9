// Names of requests, and what can be said of somebody's wait.
#include "router/places.hpp"

#include <catch2/catch.hpp>
#include <vector>

#include "router/place.hpp"
#include "router/usual.hpp"

using namespace router;
using namespace std::chrono_literals;

namespace {

constexpr TimePoint outset{};
using Names = std::vector<std::string>;

// "7", "finished on pod", or "unknown"
std::string find(const Places& places, std::string_view name, TimePoint now = outset) {
    const auto found = places.find(name, now);
    if (!found) return "unknown";
    if (found->ticket) return std::to_string(static_cast<std::uint64_t>(*found->ticket));
    return "finished on " + std::string(found->pod);
}

Standing standing(std::size_t ahead, std::size_t slots, std::optional<TimePoint> follows) {
    Standing s;
    s.ahead = ahead;
    s.slots = slots;
    s.follows = follows;
    return s;
}

Outlook outlook(std::vector<std::optional<TimePoint>> begun, std::optional<Duration> usual) {
    Outlook all;
    for (const auto& since : begun) all.starting.push_back({"pod", "Running", since});
    all.usual_cold_start = usual;
    return all;
}

}  // namespace

TEST_CASE("a request is found under its names, and for a while after its end", "[places]") {
    Places p;
    p.enter(Ticket{7}, Names{"request:r", "task:t"});
    CHECK(find(p, "request:r") == "7");
    CHECK(find(p, "task:t") == "7");
    CHECK(find(p, "task:other") == "unknown");
    p.leave(Ticket{7}, "pod-1", outset);
    p.leave(Ticket{7}, "pod-2", outset);
    CHECK(find(p, "task:t", outset + Places::kept_for) == "finished on pod-1");
    CHECK(find(p, "task:t", outset + Places::kept_for + 1ns) == "unknown");
    p.age(outset + Places::kept_for);
    CHECK(p.size() == 2);
    p.age(outset + Places::kept_for + 1ns);
    CHECK(p.size() == 0);
}

TEST_CASE("of several with the same name the newest has it", "[places]") {
    Places p;
    p.enter(Ticket{1}, Names{"request:r", "task:first"});
    SECTION("while the older one is under way") {
        p.enter(Ticket{2}, Names{"request:r"});
        p.leave(Ticket{1}, "a", outset);
        CHECK(find(p, "request:r") == "2");
        CHECK(find(p, "task:first") == "finished on a");
        p.leave(Ticket{2}, "b", outset);
        CHECK(find(p, "request:r") == "finished on b");
    }
    SECTION("when the older one has finished") {
        p.leave(Ticket{1}, "a", outset);
        p.enter(Ticket{2}, Names{"request:r"});
        CHECK(find(p, "request:r") == "2");
        p.age(outset + 1h);
        CHECK(find(p, "request:r") == "2");
    }
    SECTION("and its names are forgotten before the older one ends") {
        p.enter(Ticket{2}, Names{"request:r", "task:first"});
        p.leave(Ticket{2}, "b", outset);
        p.age(outset + 1h);
        p.leave(Ticket{1}, "a", outset + 1h);
        CHECK(p.size() == 0);
    }
}

TEST_CASE("names are bounded: two of a request, none too long, a thousand finished ones", "[places]") {
    Places p;
    p.enter(Ticket{1}, Names{"", std::string(Places::longest_name + 1, 'x'), "a", "a", "b", "c"});
    CHECK(p.size() == 2);
    CHECK(find(p, "b") == "1");
    CHECK(find(p, "c") == "unknown");
    for (std::uint64_t i = 2; i < 2 + Places::most_finished; ++i) {
        p.enter(Ticket{i}, Names{"request:" + std::to_string(i)});
        p.leave(Ticket{i}, "pod", outset);
    }
    CHECK(p.size() == 2 + Places::most_finished);
    p.leave(Ticket{1}, "pod", outset);
    CHECK(p.size() == Places::most_finished);
    CHECK(find(p, "request:2") == "unknown");
    CHECK(find(p, "request:3") == "unknown");
    CHECK(find(p, "request:4") == "finished on pod");
}

TEST_CASE("what is usual is not moved by one that hangs, and follows a change", "[places]") {
    Usual usual;
    CHECK_FALSE(usual.time());
    usual.add(10s);
    CHECK(usual.time() == 10s);
    usual.add(600s);
    CHECK(usual.time() == 10s);
    usual.add(12s);
    CHECK(usual.time() == 12s);
    for (std::size_t i = 0; i < Usual::remembered; ++i) usual.add(3s);
    CHECK(usual.time() == 3s);
}

TEST_CASE("a wait is the rounds before it and the rest of the one under way", "[places]") {
    const auto now = outset + 100s;
    const auto wait = [&](const Standing& s) { return expected_wait(s, {}, 10s, now); };
    CHECK(wait(standing(0, 2, now - 4s)) == 6s);
    CHECK(wait(standing(1, 2, now - 1s)) == 9s);
    CHECK(wait(standing(5, 2, now - 1s)) == 29s);
    CHECK(wait(standing(0, 2, now - 40s)) == 0s);  // any moment
    CHECK_FALSE(expected_wait(standing(0, 2, now), {}, std::nullopt, now));
    auto free = standing(0, 2, now);
    free.slot_is_free = true;
    CHECK(expected_wait(free, {}, std::nullopt, now) == 0s);
}

TEST_CASE("a wait for a cold start is its rest, and the rounds after it", "[places]") {
    const auto now = outset + 100s;
    const auto wait = [&](std::size_t ahead, const Outlook& o, std::optional<Duration> usual = 10s) {
        return expected_wait(standing(ahead, 0, {}), o, usual, now);
    };
    const auto two = outlook({now - 30s, now - 10s, std::nullopt}, 40s);
    CHECK(wait(0, two) == 10s);
    CHECK(wait(1, two) == 30s);
    CHECK(wait(2, two) == 20s);
    CHECK(wait(5, two) == 50s);
    CHECK(wait(1, two, std::nullopt) == 30s);
    CHECK_FALSE(wait(2, two, std::nullopt));
    CHECK_FALSE(wait(0, outlook({now}, std::nullopt)));
    CHECK_FALSE(wait(0, outlook({std::nullopt}, 40s)));
}
