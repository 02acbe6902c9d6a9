// A WebSocket after its 101: octets both ways as they come, each side at the other's pace.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <string>

#include "proxy/traffic/worker.hpp"

namespace proxy {

struct Tunnel {
    Worker& worker;
    Duplex& client;
    Duplex& pod;
    Duration idle;      // without an octet of either side the tunnel ends; pings are octets
    Duration patience;  // for a side that takes nothing
    std::uint64_t to_pod = 0, to_client = 0;  // octets so far
};

// Ends when both sides have, shortly after one of them has, or when one takes no more. `from_client` and
// `from_pod` have been read already. Closes neither.
asio::awaitable<void> carry(Tunnel&, std::string from_client, std::string from_pod);

// Each piece of progress within `patience`; who calls keeps the octets.
asio::awaitable<boost::system::error_code> write_all(Duplex&, std::string_view octets, Duration patience);

}  // namespace proxy
