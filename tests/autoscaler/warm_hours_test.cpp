// Warm hours: which windows are open when, over weeks and changes of daylight saving, and what both classes
// make of them.
#include <catch2/catch.hpp>

#include "autoscaler/controller.hpp"

using namespace autoscaler;
using namespace std::chrono_literals;

namespace {

constexpr std::int64_t minute = 60, hour = 60 * minute, day = 24 * hour;
constexpr std::int64_t monday = 1'767'571'200;  // 2026-01-05T00:00:00Z

WarmWindow window(const std::string& text) {
    const auto read = parse_warm_window(text);
    if (const auto* wrong = std::get_if<NoWindow>(&read)) FAIL(wrong->why);
    return std::get<WarmWindow>(read);
}

// Every minute of the week in which it is open, as spans of minutes since Monday, UTC.
std::vector<std::pair<int, int>> spans(const std::string& text, std::int64_t utc_offset = 0) {
    const auto w = window(text);
    std::vector<std::pair<int, int>> all;
    for (int m = 0; m < 7 * 24 * 60; ++m) {
        if (!open(w, {monday + m * minute, utc_offset})) continue;
        if (all.empty() || all.back().second != m) all.emplace_back(m, m);
        all.back().second = m + 1;
    }
    return all;
}

constexpr int at(int weekday, int hours, int minutes = 0) {
    return (weekday * 24 + hours) * 60 + minutes;
}

using Spans = std::vector<std::pair<int, int>>;

std::string why_not(const std::string& text) {
    const auto read = parse_warm_window(text);
    const auto* wrong = std::get_if<NoWindow>(&read);
    return wrong == nullptr ? "a window" : std::to_string(wrong->at) + ": " + wrong->why;
}

// Berlin in 2026: summer time from 29 March to 25 October, both at 01:00 UTC.
std::int64_t berlin(std::int64_t utc) {
    return utc >= 1'774'746'000 && utc < 1'792'890'000 ? 2 * hour : hour;
}

// A controller on the clock, whose pods are ready at once and end at once.
struct ClockDesk {
    ClockDesk(Policy policy, const std::string& warm, std::int64_t utc) : now_utc(utc) {
        settings.policy = policy;
        settings.target = settings.total = 1;
        settings.warm_hours = {window(warm)};
        controller.emplace(
            settings, 1, "sd", [this] { return PodId{++last}; }, now, Start{});
    }

    void pass(std::int64_t seconds_passed) {
        for (std::int64_t i = 0; i < seconds_passed; ++i) {
            step();
            now += 1s;
            ++now_utc;
        }
        step();
    }
    void step() {
        Room room;
        room.local = LocalTime{now_utc, 0};
        const auto load = [](PodId) { return Load{}; };
        for (int again = 0; again < 3; ++again)
            for (const auto& command : controller->step({}, load, room, now)) {
                if (command.kind == Command::Kind::start) {
                    controller->fleet().started(command.pod, now);
                    controller->fleet().passed(command.pod, now);
                }
                if (command.kind == Command::Kind::stop) controller->fleet().stopped(command.pod, now);
            }
        while (auto change = controller->take_change()) changes.push_back(*change);
    }

    std::int64_t now_utc;
    TimePoint now{1h};
    Settings settings;
    std::uint64_t last = 0;
    std::optional<Controller> controller;
    std::vector<std::string> changes;
};

}  // namespace

TEST_CASE("a window is open on its days between its hours, the end not included", "[warm_hours]") {
    CHECK(spans("Mon-Fri 08:00-18:00 2") == Spans{{at(0, 8), at(0, 18)},
                                                  {at(1, 8), at(1, 18)},
                                                  {at(2, 8), at(2, 18)},
                                                  {at(3, 8), at(3, 18)},
                                                  {at(4, 8), at(4, 18)}});
    CHECK(spans("sat,SUN 09:30-24:00 1") == Spans{{at(5, 9, 30), at(6, 0)}, {at(6, 9, 30), at(7, 0)}});
    CHECK(spans("daily 00:00-24:00 1") == Spans{{0, at(7, 0)}});
    CHECK(spans("Sat-Mon 12:00-13:00 1") ==
          Spans{{at(0, 12), at(0, 13)}, {at(5, 12), at(5, 13)}, {at(6, 12), at(6, 13)}});
}

TEST_CASE("a window over midnight belongs to the day on which it begins", "[warm_hours]") {
    CHECK(spans("Fri 22:00-02:00 1") == Spans{{at(4, 22), at(5, 2)}});
    CHECK(spans("Sun 22:00-02:00 1") == Spans{{0, at(0, 2)}, {at(6, 22), at(7, 0)}});  // into Monday
}

TEST_CASE("a window goes by the gateway's local time unless it names its own", "[warm_hours]") {
    CHECK(spans("Tue 08:00-10:00 1", 2 * hour) == Spans{{at(1, 6), at(1, 8)}});
    CHECK(spans("Tue 08:00-10:00 1 UTC", 2 * hour) == Spans{{at(1, 8), at(1, 10)}});
    CHECK(spans("Tue 08:00-10:00 1 -03:30", 2 * hour) == Spans{{at(1, 11, 30), at(1, 13, 30)}});
    CHECK(spans("Mon 00:00-01:00 1 +02:00") == Spans{{at(6, 22), at(6, 23)}});
}

TEST_CASE("daylight saving moves the window with the local clock", "[warm_hours]") {
    const auto office = window("daily 08:00-18:00 1"), night = window("daily 22:00-06:00 1");
    const auto hours_open = [](const WarmWindow& w, std::int64_t from, std::int64_t length) {
        std::int64_t open_for = 0;
        for (auto utc = from; utc < from + length; utc += minute) open_for += open(w, {utc, berlin(utc)});
        return open_for;
    };
    constexpr std::int64_t march_28 = 1'774'656'000, october_24 = 1'792'800'000;  // Saturdays, 00:00 UTC
    CHECK_FALSE(open(office, {march_28 + 6 * hour + 59 * minute, berlin(march_28)}));
    CHECK(open(office, {march_28 + 7 * hour, berlin(march_28)}));  // 08:00 in winter
    const auto sunday = march_28 + day + 6 * hour;
    CHECK(open(office, {sunday, berlin(sunday)}));  // 08:00 in summer
    CHECK_FALSE(open(office, {sunday - minute, berlin(sunday)}));
    CHECK(hours_open(office, march_28, 2 * day) == 20 * 60);
    CHECK(hours_open(night, march_28 + 12 * hour, day) == 7 * 60);  // the night that lacks an hour
    CHECK(hours_open(night, october_24 + 12 * hour, day) == 9 * 60);
}

TEST_CASE("a text that is no window says where and what to write", "[warm_hours]") {
    CHECK(why_not("Mon-Fri 08:00-18:00") ==
          "0: 'Mon-Fri 08:00-18:00' is no window; write DAYS FROM-TO PODS, as in: Mon-Fri 08:00-18:00 2");
    CHECK(
        why_not("  Mo-Fr 08:00-18:00 2") ==
        "2: 'Mo-Fr' are no days; write Mon-Fri, Sat,Sun or daily, with days as Mon Tue Wed Thu Fri Sat Sun");
    CHECK(why_not("Mon 8-18 2") ==
          "4: '8-18' is no time of day; write it as 08:00-18:00, over midnight as 22:00-02:00");
    CHECK(why_not("Mon 08:00-24:01 2").starts_with("4: '08:00-24:01' is no time of day"));
    CHECK(why_not("Mon 24:00-08:00 2").starts_with("4: "));
    CHECK(why_not("Mon 08:60-09:00 2").starts_with("4: "));
    CHECK(why_not("Mon 08:00-08:00 2") ==
          "4: '08:00-08:00' ends where it begins; a whole day is 00:00-24:00");
    CHECK(why_not("Mon 08:00-18:00 0") == "16: '0' is no number of pods; write 1 to 1000");
    CHECK(why_not("Mon 08:00-18:00 -1").starts_with("16: "));
    CHECK(why_not("Mon 08:00-18:00 2 Europe/Berlin") ==
          "18: 'Europe/Berlin' is no distance from UTC; write UTC or as +02:00, or nothing for the gateway's "
          "local time, which the environment's TZ sets");
    CHECK(why_not("Mon 08:00-18:00 2 +15:00").starts_with("18: "));
    CHECK(why_not("Mon 08:00-18:00 2 UTC Tue").starts_with("22: 'Tue' is one word too many"));
    for (const auto* days : {"Mon-", "-Mon", ",Mon", "Mon,", "Mon--Tue", "Daily", "Mon-Tue-Wed"})
        CHECK(why_not(std::string(days) + " 08:00-18:00 2").starts_with("0: "));
    CHECK(why_not("").starts_with("0: nothing is no window"));
}

TEST_CASE("the widest open window raises the minimum, within the maximum", "[warm_hours]") {
    Settings s;
    s.warm_hours = {window("daily 08:00-18:00 2"), window("daily 10:00-12:00 4")};
    const auto at_hour = [&](int h) { return with_warm_hours(s, {monday + h * hour, 0}); };
    CHECK(at_hour(7) == s);
    CHECK(at_hour(8).min_scale == 2);
    CHECK(at_hour(8).fewest_because == "warm hours daily 08:00-18:00 keep 2 pods");
    CHECK(at_hour(10).min_scale == 4);
    s.max_scale = 3;
    CHECK(at_hour(10).min_scale == 3);
    CHECK(at_hour(10).fewest_because == "warm hours daily 10:00-12:00 keep 3 pods, max-scale allows no more");
    s.min_scale = 3;
    CHECK(at_hour(10) == s);  // it is that high anyway
}

TEST_CASE("both classes start the pods when the window opens, with nobody there, and let them go after it",
          "[warm_hours]") {
    for (const auto policy : {Policy::kpa, Policy::break_even}) {
        ClockDesk desk(policy, "Mon-Fri 08:00-08:30 2", monday + 7 * hour + 59 * minute);
        desk.pass(59);
        CHECK(desk.controller->fleet().alive() == 0);
        desk.pass(1);
        CHECK(desk.controller->fleet().alive() == 2);
        CHECK(desk.controller->reason(desk.now).find("warm hours Mon-Fri 08:00-08:30 keep 2 pods") !=
              std::string::npos);
        REQUIRE(desk.changes.size() == 1);
        CHECK(desk.changes[0].starts_with("2 pods wanted, were 0: "));
        CHECK(desk.changes[0].ends_with("warm hours Mon-Fri 08:00-08:30 keep 2 pods"));
        desk.pass(30 * minute - 1);
        CHECK(desk.controller->fleet().alive() == 2);
        desk.pass(180);
        CHECK(desk.controller->fleet().alive() == 0);
    }
}

TEST_CASE("nobody has to ask: the next minute of the clock is a time to look", "[warm_hours]") {
    ClockDesk desk(Policy::break_even, "Mon 08:00-09:00 1", monday + 17);
    desk.step();
    CHECK(desk.controller->next_due() == desk.now + 43s);
    desk.settings.warm_hours.clear();
    desk.controller->configure(desk.settings, 1, desk.now);
    desk.step();
    CHECK_FALSE(desk.controller->next_due());
}

TEST_CASE("a live change of the annotation holds at once, without a look at fewer pods between",
          "[warm_hours]") {
    for (const auto policy : {Policy::kpa, Policy::break_even}) {
        ClockDesk desk(policy, "Mon 08:00-09:00 2", monday + 8 * hour);
        desk.pass(10);
        desk.settings.warm_hours = {window("Mon 08:00-10:00 3")};
        desk.controller->configure(desk.settings, 1, desk.now);
        desk.pass(3);
        CHECK(desk.controller->fleet().alive() == 3);
        REQUIRE(desk.changes.size() == 2);
        CHECK(desk.changes[1].starts_with("3 pods wanted, were 2"));
    }
}

TEST_CASE("a retired revision is kept warm no more", "[warm_hours]") {
    for (const auto policy : {Policy::kpa, Policy::break_even}) {
        ClockDesk desk(policy, "Mon 08:00-09:00 2", monday + 8 * hour);
        desk.pass(10);
        CHECK(desk.controller->fleet().alive() == 2);
        desk.controller->retire();
        desk.pass(180);
        CHECK(desk.controller->fleet().alive() == 0);
    }
}
