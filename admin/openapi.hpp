// The OpenAPI documents of version 3: what `kubectl explain` shows from 1.27 on, and what tells `kubectl
// apply` that fields are checked here. Pure. Older ones read admin/openapi_v2.hpp.
#pragma once

#include <boost/json/object.hpp>
#include <optional>
#include <string_view>

namespace admin {

// At "/openapi/v3", "/openapi/v3/api/v1" or "/openapi/v3/apis/GROUP/VERSION"; empty: none there.
std::optional<boost::json::object> openapi_v3(std::string_view path);

}  // namespace admin
