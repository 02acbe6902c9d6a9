#include "admin/history.hpp"

#include <catch2/catch.hpp>

#include "world.hpp"

namespace {

using admin::History;
using admin::Sample;
using std::chrono::seconds;

// One service whose counters the test moves, looked at once a second.
struct WatchedService {
    WatchedService() { snapshot.revisions[0].metrics = metrics; }
    void look(int count = 1) {
        for (int i = 0; i < count; ++i) history.take(snapshot, now += seconds(1));
    }
    const admin::Series& series() const { return *history.find("default/sd"); }
    const Sample& last() const { return series().hour().back(); }

    std::shared_ptr<proxy::ServiceMetrics> metrics = std::make_shared<proxy::ServiceMetrics>();
    proxy::Snapshot snapshot = world::small();
    History history;
    proxy::WallTime now = world::noon();
};

}  // namespace

TEST_CASE("a second holds what was counted in it", "[history]") {
    WatchedService watch;
    watch.metrics->responses[2] = 5;
    watch.look();
    watch.metrics->responses[2] = 8;
    watch.metrics->responses[5] = 1;
    watch.metrics->responses[0] = 2;
    watch.metrics->waiting_pages = 4;
    watch.snapshot.revisions[0].gpu_seconds = {1, 2, 3, 4};
    watch.look();
    CHECK(watch.last().responses == std::array<std::uint32_t, 6>{3, 0, 0, 1, 2, 4});
    CHECK(watch.last().gpu_seconds == std::array<float, 4>{1, 2, 3, 4});
    watch.look();
    CHECK(watch.last().responses == std::array<std::uint32_t, 6>{});
}

TEST_CASE("looks that come a little early or late leave no second out and none twice", "[history]") {
    WatchedService watch;
    auto at = watch.now + std::chrono::milliseconds(990);
    for (const int step : {1000, 1005, 1010, 985, 1000, 1000}) {
        watch.history.take(watch.snapshot, at);
        at += std::chrono::milliseconds(step);
    }
    const auto& hour = watch.series().hour();
    REQUIRE(hour.size() == 6);
    for (std::size_t i = 1; i < hour.size(); ++i) CHECK(hour[i].time == hour[i - 1].time + 1);
}

TEST_CASE("a look in the same second changes nothing", "[history]") {
    WatchedService watch;
    watch.look();
    CHECK_FALSE(watch.history.take(watch.snapshot, watch.now + std::chrono::milliseconds(300)));
    CHECK(watch.series().hour().size() == 1);
}

TEST_CASE("percentiles are those of the last minute's generations, within 6 %", "[history]") {
    WatchedService watch;
    watch.look();
    for (int i = 1; i <= 100; ++i) watch.metrics->generation_fine.observe(std::chrono::milliseconds(100 * i));
    watch.look();
    CHECK(watch.last().generations == 100);
    CHECK(watch.last().response_time[0] == Approx(5.0).epsilon(.06));
    CHECK(watch.last().response_time[1] == Approx(9.0).epsilon(.06));
    CHECK(watch.last().response_time[3] == Approx(9.9).epsilon(.06));
    watch.look(59);
    CHECK(watch.last().response_time[0] > 0);
    watch.look();
    CHECK(watch.last().response_time[0] == -1);
}

TEST_CASE("a fine histogram keeps microseconds and an hour apart", "[history]") {
    using Fine = proxy::FineHistogram;
    for (const double value : {1e-6, 17e-6, .0004, .02, 1.0, 9.99, 61.0, 599.0, 4000.0}) {
        const auto bucket = Fine::bucket_of(static_cast<std::uint32_t>(value * 1e6));
        CHECK(Fine::middle(bucket) == Approx(value).epsilon(.063));
    }
    CHECK(Fine::bucket_of(UINT32_MAX) < Fine::size);
    Fine fine;
    fine.observe(std::chrono::hours(10));
    CHECK(fine.count(Fine::bucket_of(UINT32_MAX)) == 1);
}

TEST_CASE("a minute holds the sum of its counts and the most of its pods", "[history]") {
    WatchedService watch;  // begins on a whole minute
    for (int i = 0; i < 125; ++i) {
        watch.metrics->responses[2] += 2;
        watch.snapshot.revisions[0].ready = i == 30 ? 4 : 1;
        watch.look();
    }
    const auto& day = watch.series().day();
    REQUIRE(day.size() == 2);
    CHECK(day[0].responses[0] == 2 * 59);  // the first look is second 1
    CHECK(day[1].responses[0] == 2 * 60);
    CHECK(day[0].gauges[admin::ready] == 4);
    CHECK(day[1].gauges[admin::ready] == 1);
    CHECK(day[1].time == day[0].time + 60);
}

TEST_CASE("an hour by the second and a day by the minute are kept, and no more", "[history]") {
    WatchedService watch;
    watch.look(admin::Series::seconds + 100);
    const auto& hour = watch.series().hour();
    CHECK(hour.size() == admin::Series::seconds);
    CHECK(hour[0].time + admin::Series::seconds - 1 == hour.back().time);
}

TEST_CASE("a new revision goes on with its service's counts", "[history]") {
    WatchedService watch;
    watch.metrics->responses[2] = 10;
    watch.look();
    watch.snapshot.revisions[0] = world::revision("sd", 2);
    auto metrics = std::make_shared<proxy::ServiceMetrics>();
    metrics->responses[2] = 1;
    watch.snapshot.revisions[0].metrics = metrics;
    watch.look();
    CHECK(watch.last().responses[0] == 1);
}

TEST_CASE("more services than there is memory for are left out", "[history]") {
    WatchedService watch;
    for (int i = 0; i < 100; ++i)
        watch.snapshot.revisions.push_back(world::revision("other-" + std::to_string(i), 1));
    watch.look();
    CHECK(watch.history.services().size() == History::most_services);
    CHECK(watch.history.find("default/sd") != nullptr);
}

TEST_CASE("a service that is gone for a day is forgotten", "[history]") {
    WatchedService watch;
    watch.look();
    watch.snapshot.revisions.clear();
    watch.now += std::chrono::hours(23);
    watch.look();
    CHECK(watch.history.find("default/sd") != nullptr);
    watch.now += std::chrono::hours(2);
    watch.look();
    CHECK(watch.history.find("default/sd") == nullptr);
}

TEST_CASE("a history outlives a restart", "[history]") {
    WatchedService watch;
    watch.metrics->responses[2] = 7;
    watch.look(130);
    History next;
    REQUIRE(next.restore(watch.history.text(), watch.now));
    const auto& series = *next.find("default/sd");
    REQUIRE(series.hour().size() == 130);
    CHECK(series.hour()[0].responses[0] == 7);
    CHECK(series.day().size() == 2);
    CHECK(next.text() == watch.history.text());
    // Counters begin at nothing again: that is no step back.
    watch.snapshot.revisions[0].metrics = std::make_shared<proxy::ServiceMetrics>();
    next.take(watch.snapshot, watch.now + seconds(5));
    CHECK(next.find("default/sd")->hour().back().responses[0] == 0);
}

TEST_CASE("half a history, or one of another version, is refused and changes nothing", "[history]") {
    WatchedService watch;
    watch.look(3);
    const auto whole = watch.history.text();
    History next;
    for (std::size_t length = 0; length < whole.size(); ++length)
        CHECK_FALSE(next.restore(std::string_view(whole).substr(0, length), watch.now));
    auto other = whole;
    other.replace(other.find(" 2 80\n"), 3, " 1 ");
    CHECK_FALSE(next.restore(other, watch.now));
    auto many = whole;
    many.replace(many.find(" 3 "), 3, " 99999999999 ");
    CHECK_FALSE(next.restore(many, watch.now));
    CHECK(next.services().empty());
}
