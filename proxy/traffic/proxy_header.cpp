#include "proxy/traffic/proxy_header.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

namespace proxy {

namespace {

using boost::asio::ip::address;
using Malformed = ProxyHeaderMalformed;

constexpr std::string_view signature_2("\r\n\r\n\0\r\nQUIT\n", 12), signature_1 = "PROXY ";
constexpr std::size_t fixed_part = 16, longest_line = 107;

unsigned octet(std::string_view octets, std::size_t at) {
    return static_cast<unsigned char>(octets[at]);
}

// --- version 1: one line

bool is_canonical_port(std::string_view text) {
    unsigned port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    const bool canonical = text == "0" || (!text.empty() && text.front() != '0');
    return error == std::errc{} && end == text.data() + text.size() && port <= 65535 && canonical;
}

std::optional<address> address_of(std::string_view text, bool v6) {
    boost::system::error_code error;
    if (text.find('%') != std::string_view::npos) return std::nullopt;  // a scope means nothing from afar
    const auto read = boost::asio::ip::make_address(std::string(text), error);
    if (error || read.is_v6() != v6) return std::nullopt;
    return read;
}

ProxyHeaderParsed version_1(std::string_view octets) {
    const auto end = octets.substr(0, longest_line).find('\n');
    if (end == std::string_view::npos) {
        if (octets.size() >= longest_line) return Malformed{"its line is longer than 107 octets"};
        return ProxyHeaderUnfinished{};
    }
    if (octets[end - 1] != '\r') return Malformed{"its line does not end in CRLF"};
    const auto line = octets.substr(0, end - 1);
    ProxyHeader header{end + 1, {}};
    if (line == "PROXY UNKNOWN" || line.starts_with("PROXY UNKNOWN ")) return header;
    std::vector<std::string_view> words;
    for (auto rest = line;;) {
        const auto space = rest.find(' ');
        words.push_back(rest.substr(0, space));
        if (space == std::string_view::npos) break;
        rest.remove_prefix(space + 1);
    }
    if (words.size() != 6 || (words[1] != "TCP4" && words[1] != "TCP6"))
        return Malformed{"it is not PROXY TCP4|TCP6 SOURCE DESTINATION PORT PORT"};
    const bool v6 = words[1] == "TCP6";
    header.client = address_of(words[2], v6);
    if (!header.client || !address_of(words[3], v6)) return Malformed{"an address in it is malformed"};
    if (!is_canonical_port(words[4]) || !is_canonical_port(words[5]))
        return Malformed{"a port in it is malformed"};
    return header;
}

// --- version 2: binary

template <class Address>
address binary_address(std::string_view octets) {
    typename Address::bytes_type bytes;
    std::copy_n(octets.begin(), bytes.size(), bytes.begin());
    return Address(bytes);
}

ProxyHeaderParsed version_2(std::string_view octets) {
    if (octets.size() < fixed_part) return ProxyHeaderUnfinished{};
    const unsigned version = octet(octets, 12) >> 4, command = octet(octets, 12) & 15u;
    const unsigned family = octet(octets, 13) >> 4, protocol = octet(octets, 13) & 15u;
    const std::size_t length = octet(octets, 14) << 8 | octet(octets, 15);
    if (version != 2 || command > 1) return Malformed{"its version or command is unknown"};
    if (family > 3 || protocol > 2) return Malformed{"its address family or protocol is unknown"};
    if (fixed_part + length > longest_proxy_header) return Malformed{"it is longer than 4096 octets"};
    static constexpr std::array<std::size_t, 4> least{0, 12, 36, 216};
    const bool local = command == 0;
    if (!local && length < least[family]) return Malformed{"its addresses are cut short"};
    if (octets.size() < fixed_part + length) return ProxyHeaderUnfinished{};
    ProxyHeader header{fixed_part + length, {}};
    const auto source = octets.substr(fixed_part);
    if (!local && protocol == 1 && family == 1)
        header.client = binary_address<boost::asio::ip::address_v4>(source);
    if (!local && protocol == 1 && family == 2)
        header.client = binary_address<boost::asio::ip::address_v6>(source);
    return header;  // what follows the addresses (TLVs) is passed over
}

bool begins_like(std::string_view octets, std::string_view signature) {
    const auto common = std::min(octets.size(), signature.size());
    return octets.substr(0, common) == signature.substr(0, common);
}

}  // namespace

ProxyHeaderParsed parse_proxy_header(std::string_view octets) {
    if (octets.empty()) return ProxyHeaderUnfinished{};
    const bool first = begins_like(octets, signature_1), second = begins_like(octets, signature_2);
    if (!first && !second) return Malformed{"it begins with something else"};
    if (octets.size() < (first ? signature_1 : signature_2).size()) return ProxyHeaderUnfinished{};
    return first ? version_1(octets) : version_2(octets);
}

}  // namespace proxy
