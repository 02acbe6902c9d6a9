// How long a client may take to send what it has announced. Pure.
#pragma once

#include <algorithm>
#include <cstdint>

#include "pods/pod.hpp"

namespace proxy {

// A silence has its deadline, and so has the whole: one that grows with what has arrived, so that whoever
// drips an octet now and then is cut, and whoever has a slow line is not (as Apache's mod_reqtimeout,
// "body=20,MinRate=500").
struct Pace {
    pods::TimePoint began;
    pods::Duration patience;  // for a silence, and before the rate counts
    std::uint64_t rate = 0;   // octets a second on the average, once patience is over; 0: any

    pods::TimePoint deadline(pods::TimePoint now, std::uint64_t arrived) const {
        const auto silence = now + patience;
        if (rate == 0) return silence;
        constexpr std::uint64_t long_enough = 30 * 86'400;  // nor does any sum overflow
        const auto earned = arrived / rate >= long_enough
                                ? std::chrono::nanoseconds(std::chrono::seconds(long_enough))
                                : std::chrono::seconds(arrived / rate) +
                                      std::chrono::nanoseconds(1'000'000'000 / rate * (arrived % rate));
        return std::min(silence, began + patience + earned);
    }
};

}  // namespace proxy
