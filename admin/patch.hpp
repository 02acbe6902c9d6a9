// Documents and what is to change in them. Pure.
#pragma once

#include <boost/json/value.hpp>
#include <stdexcept>
#include <string>

namespace admin {

namespace json = boost::json;

// what() is a sentence for people.
struct BadPatch : std::runtime_error {
    using runtime_error::runtime_error;
};
struct FailedTest : BadPatch {  // RFC 6902 section 4.6
    using BadPatch::BadPatch;
};

// RFC 7396
void merge_patch(json::value& target, const json::value& patch);

// RFC 6902. Throws BadPatch; the document is then of no more use.
void json_patch(json::value& document, const json::value& operations);

inline constexpr std::size_t most_operations = 10'000;  // as Kubernetes' API server
inline constexpr std::size_t most_copied = 3 << 20;     // octets that "copy" may add, likewise

inline constexpr std::size_t deepest = 64;              // levels of an object

// Equal but for the order of fields and for how a number is kept.
bool same(const json::value&, const json::value&);

// The value behind names; null: it is not there.
const json::value* find(const json::value& document, std::initializer_list<std::string_view> path);
// Its text; empty: there is none.
std::string_view text(const json::value& document, std::initializer_list<std::string_view> path);

}  // namespace admin
