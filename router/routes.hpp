// Host name -> service. Immutable once built; a reload builds another. Routes come from configuration only:
// the Host of a request is a key to look up, never a name to resolve or dial.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace router {

// A Host as routes know it: lower case, without port and without one trailing dot. "[::1]:80" -> "[::1]".
std::string normalize_host(std::string_view host);

class Routes {
public:
    using Index = std::size_t;  // of the service, in the list of whoever built the routes

    // False if another service has the host already; it keeps it.
    bool add(std::string_view host, Index service);
    void set_default(Index service) { default_ = service; }

    // The service for a Host field; empty: nobody's.
    std::optional<Index> find(std::string_view host) const;

private:
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
    };
    std::unordered_map<std::string, Index, Hash, std::equal_to<>> by_host_;
    std::optional<Index> default_;
};

}  // namespace router
