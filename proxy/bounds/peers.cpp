#include "proxy/bounds/peers.hpp"

#include <algorithm>
#include <cstring>

namespace proxy {

namespace ip = boost::asio::ip;

Peers::Key Peers::key_of(const ip::address& address) {
    Key key{};
    if (address.is_v6() && !address.to_v6().is_v4_mapped()) {
        const auto octets = address.to_v6().to_bytes();
        std::copy_n(octets.begin(), key.size(), key.begin());
        return key;
    }
    // ::/32 is nobody's network in IPv6 (RFC 4291 section 2.4), so an IPv4 address stands behind it.
    const auto v4 = address.is_v4() ? address.to_v4() : ip::make_address_v4(ip::v4_mapped, address.to_v6());
    const auto octets = v4.to_bytes();
    std::copy(octets.begin(), octets.end(), key.begin() + 4);
    return key;
}

std::size_t Peers::Hash::operator()(const Key& key) const {
    std::uint64_t number = 0;
    std::memcpy(&number, key.data(), key.size());
    number *= 0x9E3779B97F4A7C15u;
    return static_cast<std::size_t>(number ^ (number >> 32));
}

std::optional<Peers::Place> Peers::enter(const ip::address& address, std::size_t limit) {
    const auto key = key_of(address);
    std::lock_guard lock(mutex_);
    auto& count = counts_[key];
    if (limit > 0 && count >= limit) return std::nullopt;
    ++count;
    return Place(*this, key);
}

void Peers::leave(const Key& key) noexcept {
    std::lock_guard lock(mutex_);
    const auto found = counts_.find(key);
    if (found != counts_.end() && --found->second == 0) counts_.erase(found);
}

std::size_t Peers::count(const ip::address& address) const {
    std::lock_guard lock(mutex_);
    const auto found = counts_.find(key_of(address));
    return found == counts_.end() ? 0 : found->second;
}

std::size_t Peers::size() const {
    std::lock_guard lock(mutex_);
    return counts_.size();
}

}  // namespace proxy
