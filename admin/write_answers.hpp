// What a client is told about a change that the keeper did not take, and what of it a lenient client can do
// without. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "admin/keeper.hpp"
#include "admin/write_request.hpp"

namespace admin {

// details.causes of a Status.
json::array causes_of(const std::vector<Finding>&);

std::string sentence_of(const Finding&);

// Empty: there was none.
std::optional<Answer> trouble(const Write&, const Kept&);

// Takes what nobody knows out of the object; false: something else is wrong, too.
bool without_unknown_fields(json::object&, const std::vector<Finding>& errors);

}  // namespace admin
