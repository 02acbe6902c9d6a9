#include "admin/parameters.hpp"

#include <fmt/format.h>

#include <charconv>
#include <stdexcept>

namespace admin {

std::string_view parameter(const Parameters& parameters, std::string_view name) {
    const auto found = parameters.find(name);
    return found == parameters.end() ? std::string_view() : std::string_view(found->second);
}

bool flag(const Parameters& parameters, std::string_view name) {
    const auto value = parameter(parameters, name);
    return value == "true" || value == "1";
}

std::optional<std::uint64_t> number(std::string_view value, std::string_view what) {
    if (value.empty()) return std::nullopt;
    std::uint64_t out = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), out);
    if (error != std::errc{} || end != value.data() + value.size())
        throw std::invalid_argument(fmt::format("{} is not a number: \"{}\"", what, value.substr(0, 100)));
    return out;
}

}  // namespace admin
