// Whose request it is, behind proxies that we trust. Pure.
#pragma once

#include <boost/asio/ip/address.hpp>
#include <string>

#include "proxy/traffic/head.hpp"

namespace proxy {

// The rightmost address of X-Forwarded-For that is no trusted proxy's: what is left of it anybody may have
// written. `trusts` says who is one; the peer itself is.
template <class Trusts>
boost::asio::ip::address client_behind(const boost::asio::ip::address& peer, const Head& head,
                                       Trusts trusts) {
    std::string all;
    for (const auto& field : head.fields())
        if (same_name(field.name, "X-Forwarded-For")) (all += ',') += field.value;
    auto client = peer;
    for (std::string_view rest = all; !rest.empty();) {
        const auto comma = rest.rfind(',');
        auto one = comma == std::string_view::npos ? rest : rest.substr(comma + 1);
        rest = rest.substr(0, comma == std::string_view::npos ? 0 : comma);
        while (!one.empty() && (one.front() == ' ' || one.front() == '\t')) one.remove_prefix(1);
        while (!one.empty() && (one.back() == ' ' || one.back() == '\t')) one.remove_suffix(1);
        if (one.empty()) continue;
        if (one.starts_with('[') && one.ends_with(']')) one = one.substr(1, one.size() - 2);
        boost::system::error_code error;
        const auto address = boost::asio::ip::make_address(std::string(one.substr(0, 64)), error);
        if (error) break;  // "unknown", a name: the last who is known answers for it
        client = address;
        if (!trusts(address)) break;
    }
    return client;
}

}  // namespace proxy
