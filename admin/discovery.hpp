// What this API serves, said in the way that kubectl asks for it before its first command. Pure.
#pragma once

#include <boost/json/object.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace admin {

// The document at "/api", "/apis", "/api/v1", "/apis/GROUP", "/apis/GROUP/VERSION" or "/version"; empty: none
// there.
std::optional<boost::json::object> discovery(std::string_view path);

}  // namespace admin
