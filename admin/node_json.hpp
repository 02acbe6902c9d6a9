// A manifest's tree as JSON: what was written in YAML and is shown by the API. Pure.
#pragma once

#include <boost/json/value.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "manifest/yaml.hpp"

namespace admin {

// Plain scalars become what YAML 1.2's core schema makes of them.
boost::json::value to_json(const manifest::Node&);

// The one document in a text that is JSON or YAML. Empty: `wrong` says why.
std::optional<boost::json::value> read_document(std::string_view text, std::string& wrong);

}  // namespace admin
