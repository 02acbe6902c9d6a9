// The fields of what this API serves, for `kubectl explain`: as the manifests take them and the objects show
// them. Pure.
#pragma once

#include <boost/json/object.hpp>
#include <string_view>

namespace admin {

// The schema (OpenAPI 3.0 Schema Object) of a kind, all of it in place.
boost::json::object schema_of(std::string_view group, std::string_view kind);

}  // namespace admin
