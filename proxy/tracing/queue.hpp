// What is traced and waits for its export. Bounded: workers put records in and never wait; what finds no room
// is dropped and counted.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <iterator>
#include <mutex>
#include <utility>
#include <vector>

#include "proxy/tracing/record.hpp"

namespace proxy {

class TraceQueue {
public:
    using Counter = std::atomic<std::uint64_t>;

    // --- from any thread
    void put(TraceRecord record) {
        const auto spans = record.spans();
        std::lock_guard lock(mutex_);
        if (spans_ + spans > most_) {
            dropped.fetch_add(spans, std::memory_order_relaxed);
            return;
        }
        const bool was_few = spans_ < many_;
        spans_ += spans;
        records_.push_back(std::move(record));
        if (was_few && spans_ >= many_ && on_many_) on_many_();
    }
    // Some of the oldest, of about so many spans.
    std::vector<TraceRecord> take(std::size_t spans) {
        std::vector<TraceRecord> out;
        std::lock_guard lock(mutex_);
        std::size_t count = 0;
        while (count < records_.size() && (count == 0 || spans >= records_[count].spans())) {
            const auto of_it = records_[count++].spans();
            spans -= std::min(spans, of_it);
            spans_ -= of_it;
        }
        const auto end = records_.begin() + static_cast<std::ptrdiff_t>(count);
        out.assign(std::move_iterator(records_.begin()), std::move_iterator(end));
        records_.erase(records_.begin(), end);
        return out;
    }
    void bound(std::size_t spans) {
        std::lock_guard lock(mutex_);
        most_ = spans;
    }

    // Called from whichever thread, under the lock, each time that so many spans have come together.
    void when_many(std::size_t spans, std::function<void()> call) {
        std::lock_guard lock(mutex_);
        many_ = spans, on_many_ = std::move(call);
    }

    // --- of spans
    Counter dropped{0};   // no room
    Counter exported{0};  // the collector has them
    Counter refused{0};   // it does not want them
    Counter given_up{0};  // it could not be had for too long

    // --- of exports
    Counter failed{0};  // each try that was not taken

private:
    std::mutex mutex_;
    std::deque<TraceRecord> records_;
    std::size_t spans_ = 0, most_ = 0, many_ = 0;
    std::function<void()> on_many_;
};

}  // namespace proxy
