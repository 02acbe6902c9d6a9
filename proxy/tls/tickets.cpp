#include "proxy/tls/tickets.hpp"

#include <openssl/rand.h>

#include <algorithm>
#include <stdexcept>

namespace proxy {

namespace {

TicketKeys::Key random_key() {
    TicketKeys::Key key{};
    const auto fill = [](auto& octets) {
        if (RAND_bytes(octets.data(), static_cast<int>(octets.size())) != 1)
            throw std::runtime_error("no random octets are to be had");
    };
    fill(key.name), fill(key.cipher), fill(key.mac);
    return key;
}

}  // namespace

void TicketKeys::rotate(pods::TimePoint now) {
    if (current_ && now - made_ < period_) return;
    const bool both_old = !current_ || now - made_ >= 2 * period_;
    previous_ = both_old ? std::nullopt : current_;
    current_ = random_key();
    made_ = now;
}

TicketKeys::Key TicketKeys::to_seal(pods::TimePoint now) {
    const std::lock_guard lock(mutex_);
    rotate(now);
    return *current_;
}

std::optional<TicketKeys::Opener> TicketKeys::to_open(const unsigned char* name, pods::TimePoint now) {
    const std::lock_guard lock(mutex_);
    rotate(now);
    const auto named = [&](const std::optional<Key>& key) {
        return key && std::equal(key->name.begin(), key->name.end(), name);
    };
    if (named(current_)) return Opener{*current_, false};
    if (named(previous_)) return Opener{*previous_, true};
    return std::nullopt;
}

}  // namespace proxy
