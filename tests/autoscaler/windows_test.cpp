// Buckets and averages: the corners that the traces do not turn.
#include "autoscaler/windows.hpp"

#include <catch2/catch.hpp>

using namespace autoscaler;

namespace {

double linear(const Window& w, Second now) {
    return w.average(Aggregation::linear, now);
}
double weighted(const Window& w, Second now) {
    return w.average(Aggregation::weighted_exponential, now);
}

Window filled(seconds length, Second from, Second to, double value) {
    Window w(length);
    for (Second s = from; s <= to; ++s) w.record(s, value);
    return w;
}

}  // namespace

TEST_CASE("a moment belongs to the second that it lies in", "[windows]") {
    using std::chrono::milliseconds;
    CHECK(second_of(TimePoint{milliseconds{0}}) == 0);
    CHECK(second_of(TimePoint{milliseconds{1999}}) == 1);
    CHECK(second_of(TimePoint{milliseconds{-1}}) == -1);
}

TEST_CASE("a window that nothing was ever written to is empty", "[windows]") {
    const Window w(seconds{6});
    CHECK(w.empty(0));
    CHECK(linear(w, 0) == 0);
    CHECK(weighted(w, 0) == 0);
}

TEST_CASE("the first second alone decides the average", "[windows]") {
    CHECK(linear(filled(seconds{60}, 100, 100, 5), 100) == 5);
}

TEST_CASE("values of one second add up", "[windows]") {
    Window w(seconds{6});
    w.record(10, 1.5);
    w.record(10, 2);
    CHECK(linear(w, 10) == 3.5);
}

TEST_CASE("seconds skipped between two records count as zero", "[windows]") {
    Window w(seconds{6});
    w.record(10, 4);
    w.record(13, 4);
    CHECK(linear(w, 13) == 2);
}

TEST_CASE("seconds after the last record are left out", "[windows]") {
    const Window w = filled(seconds{6}, 10, 15, 3);
    CHECK(linear(w, 18) == 3);
    CHECK(linear(w, 20) == 3);
    CHECK(linear(w, 21) == 0);
}

TEST_CASE("a record exactly one window old is still data, and its average is zero", "[windows]") {
    const Window w = filled(seconds{6}, 10, 10, 3);
    CHECK_FALSE(w.empty(16));
    CHECK(linear(w, 16) == 0);
    CHECK(weighted(w, 16) == 0);
    CHECK(w.empty(17));
}

TEST_CASE("a gap as long as the window forgets what was before", "[windows]") {
    Window w = filled(seconds{6}, 0, 5, 9);
    w.record(11, 2);
    CHECK(linear(w, 11) == 2);
}

TEST_CASE("a gap one second shorter remembers it as the oldest second", "[windows]") {
    Window w = filled(seconds{6}, 0, 5, 6);
    w.record(10, 6);
    CHECK(linear(w, 10) == 2);
}

TEST_CASE("a late record goes to its own second, and one that is too late is dropped", "[windows]") {
    Window w(seconds{6});
    w.record(20, 1);
    w.record(15, 5);  // inside: the window now begins there
    CHECK(linear(w, 20) == 1);
    w.record(14, 100);  // exactly one window back
    CHECK(linear(w, 20) == 1);
}

TEST_CASE("no residue of a sum reaches the sixth decimal", "[windows]") {
    Window w(seconds{3});
    for (Second s = 0; s < 1000; ++s) w.record(s, s % 3 == 0 ? 0.1 : s % 3 == 1 ? 0.7 : 0.2);
    for (Second s = 1000; s < 1003; ++s) w.record(s, 0);
    CHECK(linear(w, 1002) == 0);
}

TEST_CASE("the average is rounded half away from zero", "[windows]") {
    Window w(seconds{6});
    w.record(0, 1);
    w.record(1, 0);
    w.record(2, 1);
    CHECK(linear(w, 2) == 0.666667);
}

TEST_CASE("weighted averages favour the newest second and are not scaled up", "[windows]") {
    Window w(seconds{60});  // c = max(0.2, 1 - 0.0001^(1/60)) = 0.2
    w.record(10, 10);
    CHECK(weighted(w, 10) == Approx(2.0));
    w.record(11, 10);
    CHECK(weighted(w, 11) == Approx(2.0 + 1.6));
    CHECK(weighted(w, 12) == Approx((2.0 + 1.6) * 0.8));
}

TEST_CASE("a short window forgets faster", "[windows]") {
    Window w(seconds{6});  // c = 1 - 0.0001^(1/6)
    w.record(10, 10);
    CHECK(weighted(w, 10) == Approx(7.8455653));
}

TEST_CASE("a longer window keeps what is known and takes its beginning for one old window ago", "[windows]") {
    Window w(seconds{6});
    w.record(10, 6);
    w.resize(seconds{12}, 10);
    CHECK(linear(w, 10) == 1);  // 6 over the seconds 5 to 10
    w.record(16, 6);
    CHECK(linear(w, 16) == 1);  // 12 over 5 to 16
}

TEST_CASE("a shorter window keeps the newest seconds", "[windows]") {
    Window w(seconds{6});
    for (Second s = 0; s < 6; ++s) w.record(s, static_cast<double>(s));
    w.resize(seconds{2}, 5);
    CHECK(linear(w, 5) == 4.5);
}

TEST_CASE("a resize to the same length changes nothing", "[windows]") {
    Window w(seconds{6});
    w.record(10, 6);
    w.resize(seconds{6}, 10);
    CHECK(linear(w, 10) == 6);
}

TEST_CASE("a resize after more than a window of silence empties it", "[windows]") {
    Window w = filled(seconds{6}, 0, 5, 3);
    w.resize(seconds{60}, 12);
    CHECK(linear(w, 12) == 0);
    w.record(13, 4);
    CHECK(linear(w, 13) == 4);
}

TEST_CASE("without data there is no average, except with unlimited burst capacity", "[windows]") {
    Settings s;
    Windows w(s);
    CHECK_FALSE(w.averages(s, 5));
    s.target_burst_capacity = -1;
    CHECK(w.averages(s, 5) == Averages{0, 0});
}

TEST_CASE("a change of metric finds the past of the other one", "[windows]") {
    Settings s;
    Windows w(s);
    w.record(5, 2, 30);
    CHECK(w.averages(s, 5) == Averages{2, 2});
    s.metric = Metric::rps;
    CHECK(w.averages(s, 5) == Averages{30, 30});
}
