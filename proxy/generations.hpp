// The last generations that ended, for the timeline of the pods: who asked, where it ran, what it waited for.
// A ring of records of one size, so that memory is bounded whatever clients send; a worker pushes one a
// generation, after the answer went out, under a lock that is held for a copy.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string_view>
#include <vector>

namespace proxy {

// A text that owns no memory; what is too long is cut.
template <std::size_t Most>
class ShortText {
public:
    ShortText() = default;
    ShortText(std::string_view text) : length_(static_cast<std::uint8_t>(std::min(text.size(), Most))) {
        std::copy_n(text.data(), length_, text_.data());
    }
    ShortText& operator=(std::string_view text) { return *this = ShortText(text); }
    std::string_view view() const { return {text_.data(), length_}; }

private:
    static_assert(Most < 256);
    std::array<char, Most> text_{};
    std::uint8_t length_ = 0;
};

struct Generation {
    std::uint64_t number = 0;  // grows by one
    ShortText<40> request_id;
    ShortText<45> client;      // an address
    ShortText<127> service;    // "namespace/name"
    ShortText<72> pod;         // empty: it never had one
    ShortText<24> reason;      // of a refusal
    char request_class = 'G';  // G, J or W
    int status = 0;            // 499: the client left, and the pod may still work
    std::chrono::system_clock::time_point ended{};
    float queue = 0, cold = 0, pod_time = 0, total = 0;  // seconds
};

class Generations {
public:
    static constexpr std::size_t kept = 2048;

    void add(Generation one) {
        std::lock_guard lock(mutex_);
        one.number = ++last_;
        ring_[static_cast<std::size_t>(last_ % kept)] = one;
    }
    std::uint64_t last() const {
        std::lock_guard lock(mutex_);
        return last_;
    }
    // Those after `number` that are still kept, oldest first.
    std::vector<Generation> since(std::uint64_t number) const {
        std::lock_guard lock(mutex_);
        std::vector<Generation> out;
        const auto first = std::max(number + 1, last_ >= kept ? last_ - kept + 1 : 1);
        for (auto n = first; n <= last_; ++n) out.push_back(ring_[static_cast<std::size_t>(n % kept)]);
        return out;
    }

private:
    mutable std::mutex mutex_;
    std::uint64_t last_ = 0;
    std::vector<Generation> ring_{kept};
};

}  // namespace proxy
