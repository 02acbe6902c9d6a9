#include "manifest/names.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "manifest/units.hpp"

namespace manifest {

namespace {

constexpr std::size_t longest_label = 63, longest_subdomain = 253;

bool is_lower(char c) {
    return c >= 'a' && c <= 'z';
}
bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
bool is_upper(char c) {
    return c >= 'A' && c <= 'Z';
}

// '[a-z0-9]([-a-z0-9]*[a-z0-9])?'
bool label(std::string_view text) {
    const auto inner = [](char c) { return is_lower(c) || is_digit(c) || c == '-'; };
    return !text.empty() && text.front() != '-' && text.back() != '-' && std::ranges::all_of(text, inner);
}

std::string too_long(std::size_t most) {
    return "must be no more than " + std::to_string(most) + " characters";
}

}  // namespace

std::string not_dns1123_label(std::string_view text) {
    if (text.size() > longest_label) return too_long(longest_label);
    if (label(text)) return {};
    return "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must "
           "start and "
           "end with an alphanumeric character (e.g. 'my-name', or '123-abc')";
}

std::string not_dns1035_label(std::string_view text) {
    if (text.size() > longest_label) return too_long(longest_label);
    if (label(text) && is_lower(text.front())) return {};
    return "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an "
           "alphabetic "
           "character, and end with an alphanumeric character (e.g. 'my-name', or 'abc-123')";
}

std::string not_dns1123_subdomain(std::string_view text) {
    if (text.size() > longest_subdomain) return too_long(longest_subdomain);
    for (std::string_view rest = text;;) {
        const auto dot = rest.find('.');
        if (!label(rest.substr(0, dot))) break;
        if (dot == std::string_view::npos) return {};
        rest.remove_prefix(dot + 1);
    }
    return "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', "
           "and must "
           "start and end with an alphanumeric character (e.g. 'example.com')";
}

std::string not_env_name(std::string_view text) {
    const auto allowed = [](char c) {
        return is_lower(c) || is_upper(c) || is_digit(c) || c == '_' || c == '-' || c == '.';
    };
    if (!text.empty() && !is_digit(text.front()) && std::ranges::all_of(text, allowed)) return {};
    return "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or "
           "'.', and "
           "must not start with a digit (e.g. 'my.env-name', or 'MY_ENV.NAME')";
}

bool is_token(std::string_view text) {
    constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
    return !text.empty() && std::ranges::all_of(text, [&](char c) {
        return is_lower(c) || is_upper(c) || is_digit(c) || marks.find(c) != std::string_view::npos;
    });
}

bool is_ip(std::string_view text) {
    std::array<unsigned char, sizeof(in6_addr)> unused{};
    const std::string copy(text);
    return inet_pton(AF_INET, copy.c_str(), unused.data()) == 1 ||
           inet_pton(AF_INET6, copy.c_str(), unused.data()) == 1;
}

bool is_network(std::string_view text) {
    const auto slash = text.find('/');
    if (slash == std::string_view::npos) return is_ip(text);
    const auto address = text.substr(0, slash);
    const auto bits = parse_integer(text.substr(slash + 1));
    const int most = address.find(':') == std::string_view::npos ? 32 : 128;
    return is_ip(address) && bits && *bits >= 0 && *bits <= most;
}

// Addresses that are no one machine's, and link-local ones: a cloud's metadata, with its secrets, is at
// 169.254.169.254.
bool may_be_a_pods(const pods::Address& address) {
    in_addr v4{};
    in6_addr v6{};
    if (inet_pton(AF_INET, address.host.c_str(), &v4) != 1) {
        if (inet_pton(AF_INET6, address.host.c_str(), &v6) != 1) return false;
        if (!IN6_IS_ADDR_V4MAPPED(&v6))
            return !IN6_IS_ADDR_UNSPECIFIED(&v6) && !IN6_IS_ADDR_MULTICAST(&v6) &&
                   !IN6_IS_ADDR_LINKLOCAL(&v6);
        std::memcpy(&v4, v6.s6_addr + 12, sizeof v4);
    }
    const auto number = ntohl(v4.s_addr);
    const auto first = number >> 24;
    return first != 0 && first < 224 && number >> 16 != 0xa9fe;  // multicast and above, 169.254.0.0/16
}

std::optional<pods::Address> parse_address(std::string_view text) {
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos) return std::nullopt;
    auto host = text.substr(0, colon);
    const auto port = parse_integer(text.substr(colon + 1));
    const bool brackets = host.size() > 2 && host.front() == '[' && host.back() == ']';
    if (brackets) host = host.substr(1, host.size() - 2);
    const bool v6 = host.find(':') != std::string_view::npos;
    if (brackets != v6 || !is_ip(host) || !port || *port < 1 || *port > 65535) return std::nullopt;
    return pods::Address{std::string(host), static_cast<std::uint16_t>(*port)};
}

}  // namespace manifest
