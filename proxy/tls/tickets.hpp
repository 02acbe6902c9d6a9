// The keys of session tickets (RFC 5077, RFC 8446 section 4.6.1): made at start, kept in memory only, new
// ones every `period`. The one before still opens tickets; then they are forgotten, and with them what was
// sent under them. Thread-safe.
#pragma once

#include <openssl/ssl.h>

#include <array>
#include <mutex>
#include <optional>

#include "pods/pod.hpp"

namespace proxy {

class TicketKeys {
public:
    struct Key {
        std::array<unsigned char, 16> name;
        std::array<unsigned char, 32> cipher, mac;
    };

    explicit TicketKeys(pods::Duration period) : period_(period) {}

    Key to_seal(pods::TimePoint now);
    struct Opener {
        Key key;
        bool old;  // the client should get a new ticket
    };
    std::optional<Opener> to_open(const unsigned char* name, pods::TimePoint now);

private:
    void rotate(pods::TimePoint now);

    const pods::Duration period_;
    std::mutex mutex_;
    std::optional<Key> current_, previous_;
    pods::TimePoint made_{};
};

}  // namespace proxy
