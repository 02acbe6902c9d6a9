#include "router/usual.hpp"

#include <algorithm>

namespace router {

void Usual::add(Duration time) {
    last_[count_++ % remembered] = time;
    auto sorted = last_;
    const auto known = std::min(count_, remembered);
    const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>((known - 1) / 2);
    std::nth_element(sorted.begin(), middle, sorted.begin() + static_cast<std::ptrdiff_t>(known));
    time_ = *middle;
}

}  // namespace router
