// Sets in order that know how many stand before whom: the standard's trees do not. Pure.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "router/settings.hpp"

namespace router {

// One request: first a place in the queue, then a slot. Numbers grow with arrival, so that a request which is
// retried with its old ticket stands where it stood.
enum class Ticket : std::uint64_t {};

// Sorted chunks of at most `most` keys, none of them empty: a step looks at one chunk and, for a rank, at the
// sizes of those before it, which are some forty in a queue of 10 000. Once grown, no memory is asked for.
template <class Key>
class Ranked {
public:
    bool empty() const { return size_ == 0; }
    std::size_t size() const { return size_; }
    const Key& front() const { return chunks_.front().front(); }
    bool contains(const Key& key) const {
        if (empty()) return false;
        const auto& chunk = chunks_[chunk_of(key)];
        return std::binary_search(chunk.begin(), chunk.end(), key);
    }
    // How many come before the key, which need not be there.
    std::size_t before(const Key& key) const {
        if (empty()) return 0;
        const auto at = chunk_of(key);
        std::size_t count = 0;
        for (std::size_t i = 0; i < at; ++i) count += chunks_[i].size();
        const auto& chunk = chunks_[at];
        return count +
               static_cast<std::size_t>(std::lower_bound(chunk.begin(), chunk.end(), key) - chunk.begin());
    }
    // The key that has n before it; n < size().
    const Key& at(std::size_t n) const {
        auto chunk = chunks_.begin();
        for (; n >= chunk->size(); ++chunk) n -= chunk->size();
        return (*chunk)[n];
    }
    // In order, for as long as `visit` says true. Nothing may be changed meanwhile.
    template <class Visit>
    void each(Visit visit) const {
        for (const auto& chunk : chunks_)
            for (const auto& key : chunk)
                if (!visit(key)) return;
    }

    void insert(const Key& key) {
        if (contains(key)) return;
        auto& chunk = room_for(key);
        chunk.insert(std::lower_bound(chunk.begin(), chunk.end(), key), key);
        ++size_;
    }
    void erase(const Key& key) {
        if (!contains(key)) return;
        const auto at = chunks_.begin() + static_cast<std::ptrdiff_t>(chunk_of(key));
        at->erase(std::lower_bound(at->begin(), at->end(), key));
        --size_;
        if (!at->empty()) return;
        spare_ = std::move(*at);
        chunks_.erase(at);
    }
    void clear() {
        chunks_.clear();
        size_ = 0;
    }

private:
    static constexpr std::size_t most = 256;
    using Chunk = std::vector<Key>;

    // The last chunk that does not begin behind the key, else the first.
    std::size_t chunk_of(const Key& key) const {
        const auto behind =
            std::upper_bound(chunks_.begin(), chunks_.end(), key,
                             [](const Key& k, const Chunk& chunk) { return k < chunk.front(); });
        return behind == chunks_.begin() ? 0 : static_cast<std::size_t>(behind - chunks_.begin()) - 1;
    }
    Chunk& room_for(const Key& key) {
        if (chunks_.empty()) return chunks_.emplace_back(std::exchange(spare_, {}));
        const auto at = chunks_.begin() + static_cast<std::ptrdiff_t>(chunk_of(key));
        if (at->size() < most) return *at;
        auto next = std::exchange(spare_, {});
        if (at + 1 == chunks_.end() && at->back() < key)  // the usual case: who comes, comes last
            return chunks_.emplace_back(std::move(next));
        const auto middle = at->begin() + most / 2;
        next.assign(middle, at->end());
        at->erase(middle, at->end());
        const bool upper = !(key < next.front());
        const auto added = chunks_.insert(at + 1, std::move(next));
        return upper ? *added : *(added - 1);
    }

    std::vector<Chunk> chunks_;
    Chunk spare_;  // empty; its memory is kept
    std::size_t size_ = 0;
};

using Line = Ranked<Ticket>;  // who waits

// When a slot was granted; the number tells grants of the same moment apart.
struct Granted {
    TimePoint at{};
    std::uint64_t number = 0;
    friend auto operator<=>(const Granted&, const Granted&) = default;
};
using Held = Ranked<Granted>;

}  // namespace router
