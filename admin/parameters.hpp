// The parameters of a request's query. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace admin {

using Parameters = std::map<std::string, std::string, std::less<>>;

std::string_view parameter(const Parameters&, std::string_view name);  // empty: not given
bool flag(const Parameters&, std::string_view name);

// Empty when not given. Throws std::invalid_argument with a sentence when it is no number.
std::optional<std::uint64_t> number(std::string_view value, std::string_view what);

}  // namespace admin
