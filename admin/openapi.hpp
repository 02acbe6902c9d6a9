// The OpenAPI documents that kubectl asks for: version 2 empty (a valid document of no octets), version 3
// with what `kubectl explain` shows and what tells `kubectl apply` that fields are checked here. Pure.
#pragma once

#include <boost/json/object.hpp>
#include <optional>
#include <string_view>

namespace admin {

// At "/openapi/v3", "/openapi/v3/api/v1" or "/openapi/v3/apis/GROUP/VERSION"; empty: none there.
std::optional<boost::json::object> openapi_v3(std::string_view path);

// Of "/openapi/v2": its only content type that kubectl reads, with an empty body.
inline constexpr std::string_view openapi_v2_type =
    "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

}  // namespace admin
