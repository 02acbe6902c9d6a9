#include "router/routes.hpp"

#include <algorithm>

namespace router {

std::string normalize_host(std::string_view host) {
    const auto after_address = host.starts_with('[') ? host.find(']') : 0;
    if (const auto colon = host.find(':', after_address == std::string_view::npos ? 0 : after_address);
        colon != std::string_view::npos)
        host = host.substr(0, colon);
    if (host.ends_with('.')) host.remove_suffix(1);
    std::string out(host);
    std::transform(out.begin(), out.end(), out.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return out;
}

bool Routes::add(std::string_view host, Index service) {
    return by_host_.emplace(normalize_host(host), service).first->second == service;
}

std::optional<Routes::Index> Routes::find(std::string_view host) const {
    auto found = by_host_.find(normalize_host(host));
    return found != by_host_.end() ? std::optional(found->second) : default_;
}

}  // namespace router
