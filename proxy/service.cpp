#include "proxy/service.hpp"

#include <boost/asio/ip/address.hpp>
#include <charconv>

namespace proxy {
namespace {

template <class Bytes>
bool same_prefix(const Bytes& a, const Bytes& b, int bits) {
    for (std::size_t i = 0; bits > 0; ++i, bits -= 8) {
        const unsigned mask = bits >= 8 ? 0xffu : (0xff00u >> bits) & 0xffu;
        if ((static_cast<unsigned>(a[i] ^ b[i]) & mask) != 0) return false;
    }
    return true;
}

asio::ip::address plain(const asio::ip::address& address) {
    if (!address.is_v6() || !address.to_v6().is_v4_mapped()) return address;
    return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
}

}  // namespace

bool Routing::trusts(const asio::ip::address& peer) const {
    const auto address = plain(peer);
    for (const auto& [network, bits] : trusted_proxies) {
        if (network.is_v4() != address.is_v4()) continue;
        if (network.is_v4() ? same_prefix(network.to_v4().to_bytes(), address.to_v4().to_bytes(), bits)
                            : same_prefix(network.to_v6().to_bytes(), address.to_v6().to_bytes(), bits))
            return true;
    }
    return false;
}

std::optional<std::pair<asio::ip::address, int>> parse_network(std::string_view text) {
    const auto slash = text.find('/');
    boost::system::error_code error;
    const auto address = asio::ip::make_address(std::string(text.substr(0, slash)), error);
    if (error) return std::nullopt;
    const int most = address.is_v4() ? 32 : 128;
    if (slash == std::string_view::npos) return std::pair(address, most);
    const auto digits = text.substr(slash + 1);
    int bits = -1;
    const auto [end, parse_error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
    if (parse_error != std::errc{} || end != digits.data() + digits.size() || bits < 0 || bits > most)
        return std::nullopt;
    return std::pair(address, bits);
}

}  // namespace proxy
