// The door of the admin address: a request's head -> who sends it, or what he is told instead. Also where a
// browser begins and ends its session.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "admin/api.hpp"
#include "admin/guard.hpp"

namespace admin {

struct Entry {  // of a request
    std::string_view method, path, host, origin, site;
    bool secure = false;
    Claims claims{};
};

struct Entered {
    Who who;                        // as far as he is known
    std::optional<Answer> instead;  // of what he asked for; empty: he is let in
};
Entered enter(const Guard&, Sessions&, const Entry&, Sessions::Clock::time_point now);

// "/api?x=y" -> "/api"
std::string_view path_of(std::string_view target);

// Who a client's certificate is for: its one common name, in printable ASCII. Empty: nobody that can be
// named.
std::optional<std::string> common_name(X509* certificate);

}  // namespace admin
