// One rung of break-even scaling: the n-th pod of a revision. It keeps the last gaps, the times for which
// demand stayed below n, and says how long an idle n-th pod would have been cheapest to keep. Pure: time
// comes in.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "autoscaler/settings.hpp"

namespace autoscaler {

// How long to keep an idle pod, and how that was found.
struct Keep {
    double seconds = 0;
    double cheapest = 0;  // what the gaps say, before floors; equal to the restart where they are too few
    int gaps = 0;         // that are known
    bool learnt = false;  // enough of them

    friend bool operator==(const Keep&, const Keep&) = default;
};

class Rung {
public:
    static constexpr std::size_t remembered = 64, enough = 10;

    void fall(TimePoint now);   // demand went below n
    void climb(TimePoint now);  // demand is n again: a gap is over
    void add(double gap);       // seconds; of an earlier life

    // For a restart that costs so many seconds of idle pod. Kept until a gap comes or the cost moves by 5 %.
    const Keep& keep(double restart) const;
    int longer_than(double length) const;                      // how many gaps were
    const std::vector<double>& gaps() const { return gaps_; }  // oldest first up to 64, then in a ring

private:
    std::vector<double> gaps_;
    std::vector<double> sorted_;  // the same
    std::size_t next_ = 0;        // of the ring, when it is full
    std::optional<TimePoint> below_since_;
    mutable Keep keep_;
    mutable double restart_ = -1;  // that keep_ was found for; negative: none
};

// The keep-alive, in seconds, that would have cost least over these gaps: an idle second costs one, a restart
// costs `restart`. One of 0 and the gaps not longer than a restart; the shortest of equals.
double cheapest_keep(std::span<const double> sorted_gaps, double restart);

}  // namespace autoscaler
