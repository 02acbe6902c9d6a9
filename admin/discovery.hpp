// What this API serves, said in the ways that kubectl asks for it before its first command. Pure.
#pragma once

#include <boost/json/object.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace admin {

// The document at "/api", "/apis", "/api/v1", "/apis/GROUP", "/apis/GROUP/VERSION" or "/version"; empty: none
// there.
std::optional<boost::json::object> discovery(std::string_view path);

// All groups, versions and resources in one document, at "/api" and "/apis" for who asks for it
// (k8s.io/api apidiscovery/v2, KEP-3352). Empty: the path is another, or the Accept field asks for the older
// form.
std::optional<boost::json::object> aggregated_discovery(std::string_view path, std::string_view accept);
inline constexpr std::string_view aggregated_type =
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

}  // namespace admin
