// One list of keys, as traffic goes by it: immutable but for its counters, swapped with the routing.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "manifest/configuration.hpp"
#include "manifest/key_hash.hpp"
#include "proxy/access/credentials.hpp"
#include "router/turns.hpp"

namespace proxy {

struct AccessKeyState {
    manifest::AccessKey settings;
    manifest::KeyHash hash;
    router::Key id{};
    mutable std::atomic<std::uint64_t> requests{0}, over_limit{0};
    mutable std::atomic<std::size_t> without_slot{0};  // requests under way that take none
};

// A request's place among those of its key that take no slot, given back by destruction.
class KeyPlace {
public:
    KeyPlace() = default;
    KeyPlace(KeyPlace&&) noexcept = default;
    KeyPlace& operator=(KeyPlace&& other) noexcept {
        std::swap(key_, other.key_);
        return *this;
    }
    ~KeyPlace() {
        if (key_) key_->without_slot.fetch_sub(1, std::memory_order_relaxed);
    }

    // Empty: the key has as many as it may have.
    static std::optional<KeyPlace> take(std::shared_ptr<const AccessKeyState> key) {
        const auto before = key->without_slot.fetch_add(1, std::memory_order_relaxed);
        KeyPlace place(std::move(key));
        if (before >= place.key_->settings.without_slot) return std::nullopt;
        return place;
    }

private:
    explicit KeyPlace(std::shared_ptr<const AccessKeyState> key) : key_(std::move(key)) {}

    std::shared_ptr<const AccessKeyState> key_;
};

class AccessKeys {
public:
    explicit AccessKeys(const manifest::AccessList&);

    // By a key of 256 bits: all of the list are looked at, whichever it is. Null: none of them.
    const AccessKeyState* find(const Claim&) const;
    // By name, for a password that is still to be checked. Null: nobody, or one who has a key.
    const AccessKeyState* with_password(std::string_view user) const;

    const manifest::AccessList& settings() const { return settings_; }
    const std::deque<AccessKeyState>& all() const { return keys_; }
    mutable std::atomic<std::uint64_t> refused{0};  // 401

private:
    manifest::AccessList settings_;
    std::deque<AccessKeyState> keys_;  // deque: the elements stay where they are
};

}  // namespace proxy
