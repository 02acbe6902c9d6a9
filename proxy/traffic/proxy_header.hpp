// What a load balancer says about its client before the client's own octets: PROXY protocol versions 1 and 2
// (haproxy doc/proxy-protocol.txt). Pure: octets in, how far we are out.
#pragma once

#include <boost/asio/ip/address.hpp>
#include <optional>
#include <string_view>
#include <variant>

namespace proxy {

struct ProxyHeader {
    std::size_t length = 0;  // in octets; what follows is the client's
    // Empty: the balancer speaks for itself (LOCAL, UNKNOWN, a family without addresses).
    std::optional<boost::asio::ip::address> client;
};
struct ProxyHeaderUnfinished {};  // all that is there belongs to it, and more must come
struct ProxyHeaderMalformed {
    std::string_view reason;
};
using ProxyHeaderParsed = std::variant<ProxyHeader, ProxyHeaderUnfinished, ProxyHeaderMalformed>;

constexpr std::size_t longest_proxy_header = 4096;  // version 2 with all its TLVs; version 1 has at most 107

ProxyHeaderParsed parse_proxy_header(std::string_view octets);

}  // namespace proxy
