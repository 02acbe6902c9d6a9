// How many connections each peer has. A peer is an IPv4 address or an IPv6 network of 64 bits, which is what
// one customer is given (RFC 6177). Any thread.
#pragma once

#include <array>
#include <boost/asio/ip/address.hpp>
#include <cstddef>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>

namespace proxy {

class Peers {
public:
    using Key = std::array<unsigned char, 8>;
    static Key key_of(const boost::asio::ip::address&);

    // One connection's count, given back by destruction.
    class Place {
    public:
        Place() = default;  // of a peer who is not counted
        Place(Peers& peers, const Key& key) : peers_(&peers), key_(key) {}
        Place(Place&& other) noexcept : peers_(std::exchange(other.peers_, nullptr)), key_(other.key_) {}
        Place& operator=(Place&& other) noexcept {
            std::swap(peers_, other.peers_);
            std::swap(key_, other.key_);
            return *this;
        }
        ~Place() {
            if (peers_ != nullptr) peers_->leave(key_);
        }

    private:
        Peers* peers_ = nullptr;
        Key key_{};
    };

    // Empty: the peer has so many already. A limit of 0 is none.
    std::optional<Place> enter(const boost::asio::ip::address&, std::size_t limit);
    std::size_t count(const boost::asio::ip::address&) const;
    std::size_t size() const;

private:
    struct Hash {
        std::size_t operator()(const Key&) const;
    };
    void leave(const Key&) noexcept;

    mutable std::mutex mutex_;
    std::unordered_map<Key, std::size_t, Hash> counts_;  // never a 0: no larger than there are connections
};

}  // namespace proxy
