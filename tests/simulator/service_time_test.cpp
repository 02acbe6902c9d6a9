// The distributions of service times.
#include "simulator/service_time.hpp"

#include <catch2/catch.hpp>

using namespace simulator;

namespace {

struct Moments {
    double mean = 0, cv = 0;
};

Moments sample(const Options& options, int count = 200'000) {
    ServiceTime times(options, 42);
    double sum = 0, squares = 0;
    for (int i = 0; i < count; ++i) {
        const double time = times.draw();
        sum += time;
        squares += time * time;
    }
    const double mean = sum / count;
    return {mean, std::sqrt(squares / count - mean * mean) / mean};
}

}  // namespace

TEST_CASE("a lognormal service time keeps its mean whatever its spread", "[service]") {
    for (const double cv : {0.012, 0.2, 1.0}) {
        Options options;
        options.service = 10.08;
        options.cv = cv;
        const Moments seen = sample(options);
        CAPTURE(cv);
        CHECK(seen.mean == Approx(10.08).epsilon(0.01));
        CHECK(seen.cv == Approx(cv).epsilon(0.03));
    }
}

TEST_CASE("without spread every service time is the same", "[service]") {
    Options options;
    options.service = 0.02;
    options.cv = 0;
    ServiceTime times(options, 1);
    CHECK(times.draw() == 0.02);
    CHECK(times.draw() == 0.02);
}

TEST_CASE("an exponential service time has its mean and a coefficient of variation of one", "[service]") {
    Options options;
    options.distribution = Distribution::exponential;
    options.service = 3;
    const Moments seen = sample(options);
    CHECK(seen.mean == Approx(3).epsilon(0.01));
    CHECK(seen.cv == Approx(1).epsilon(0.02));
}

TEST_CASE("a trace is played in turn and begins again", "[service]") {
    Options options;
    options.distribution = Distribution::trace;
    options.trace = {1, 2};
    ServiceTime times(options, 1);
    CHECK(times.draw() == 1);
    CHECK(times.draw() == 2);
    CHECK(times.draw() == 1);
}
