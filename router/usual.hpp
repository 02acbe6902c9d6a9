// What something usually takes: the median of the last few times, which one slow or broken one does not move.
// Pure.
#pragma once

#include <array>
#include <cstddef>
#include <optional>

#include "router/settings.hpp"

namespace router {

class Usual {
public:
    static constexpr std::size_t remembered = 64;

    void add(Duration);
    std::optional<Duration> time() const { return time_; }  // empty: it has never been seen

private:
    std::array<Duration, remembered> last_{};
    std::size_t count_ = 0;  // since the beginning
    std::optional<Duration> time_;
};

}  // namespace router
