#include "admin/host.hpp"

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <cctype>

namespace admin {
namespace {

std::string lower(std::string_view text) {
    std::string out(text);
    std::ranges::transform(out, out.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return out;
}

bool digits(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

bool is_address(const std::string& text) {
    boost::system::error_code error;
    boost::asio::ip::make_address(text, error);
    return !error;
}

}  // namespace

bool host_allowed(std::string_view host, std::span<const std::string> also) {
    if (host.starts_with('[')) {
        const auto end = host.find(']');
        if (end == std::string_view::npos) return false;
        const auto rest = host.substr(end + 1);
        if (!rest.empty() && !(rest.starts_with(':') && digits(rest.substr(1)))) return false;
        return is_address(std::string(host.substr(1, end - 1)));
    }
    if (const auto colon = host.find(':'); colon != std::string_view::npos) {
        if (!digits(host.substr(colon + 1))) return false;
        host = host.substr(0, colon);
    }
    auto name = lower(host);
    if (name.ends_with('.')) name.pop_back();
    if (name == "localhost" || name.ends_with(".localhost"))
        return true;  // RFC 6761 section 6.3: always loopback
    return is_address(name) ||
           std::ranges::any_of(also, [&](const std::string& other) { return lower(other) == name; });
}

}  // namespace admin
