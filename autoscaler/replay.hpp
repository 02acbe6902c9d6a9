// A recorded load played to one Revision in a closed loop, second by second, with pods that become ready a
// fixed time after they were asked for. The order of things in a second and the model of the pods are those
// by which the traces in tests/data/kpa were made (README there), so the same code proves the autoscaler and
// answers "what would these settings have done?".
#pragma once

#include <optional>
#include <variant>
#include <vector>

#include "autoscaler/revision.hpp"

namespace autoscaler {

struct Sample {  // of one second
    double concurrency = 0;
    double rps = 0;
};

struct LateSample {
    double at = 0;     // seconds from the start: when it became known
    double stamp = 0;  // seconds from the start: the second it is about
    Sample sample;
};

struct Event {
    struct Reachable {
        bool reachable;
    };
    struct ColdStart {
        int seconds;
    };
    Second second = 0;  // takes place at its beginning
    std::variant<Reachable, ColdStart, Settings> what;
};

// In an even second: is it told before or after the decision?
enum class TickOrder { record_first, scale_first };

struct Trace {
    Settings settings;
    Start::How start = Start::How::zero;
    int start_pods = 0;
    int cold_start = 0;  // seconds; -1: pods never become ready
    TickOrder order = TickOrder::record_first;
    Path path = Path::switching;
    std::vector<std::optional<Sample>> seconds;  // empty: nothing was recorded in that second
    std::vector<LateSample> late;                // in order of `at`
    std::vector<Event> events;                   // in order
};

// One evaluation. Everything is as it stood afterwards; `ready` as the decision saw it.
struct Tick {
    Second second = 0;
    int ready = 0;
    std::optional<Averages> averages;
    Decision decision;
    int panic_pods = 0;
    int want = 0;
    int replicas = 0;
};

template <class Value>
struct Change {
    Second second;
    Value value;

    friend bool operator==(const Change&, const Change&) = default;
};

struct Replayed {
    std::vector<Tick> ticks;
    std::vector<Change<int>> replicas;       // from start_pods on
    std::vector<Change<Activity>> activity;  // the first is of second 0
    std::vector<Change<Mode>> mode;          // likewise
};

Replayed replay(const Trace&);

}  // namespace autoscaler
