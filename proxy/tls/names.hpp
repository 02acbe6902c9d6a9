// Which hosts a certificate is for: RFC 9525 sections 6.3 and 6.4. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace proxy {

// Both in lower case, without port and trailing dot. A wildcard stands for exactly one whole label, the
// leftmost.
inline bool covers(std::string_view pattern, std::string_view host) {
    if (pattern == host) return !host.empty();
    if (!pattern.starts_with("*.") || host.empty()) return false;
    const auto dot = host.find('.');
    const bool address =
        host.front() == '[' || host.find_first_not_of("0123456789.") == std::string_view::npos;
    return dot != std::string_view::npos && dot > 0 && !address && host.substr(dot) == pattern.substr(1) &&
           pattern.find('.', 2) != std::string_view::npos;  // "*.com" is nobody's
}

inline bool covers(const std::vector<std::string>& patterns, std::string_view host) {
    for (const auto& pattern : patterns)
        if (covers(pattern, host)) return true;
    return false;
}

}  // namespace proxy
