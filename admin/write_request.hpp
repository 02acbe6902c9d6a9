// A request that changes something, taken apart. Pure.
#pragma once

#include <map>
#include <string>
#include <variant>

#include "admin/api.hpp"
#include "admin/managed.hpp"
#include "admin/selector.hpp"

namespace admin {

enum class Validation { ignore, warn, strict };

struct Write {
    std::string method;
    const Resource* resource = nullptr;
    std::string name_space, name, subresource;  // "scale", or none
    std::string content_type, body;
    std::string manager;  // fieldManager
    bool dry_run = false, force = false;
    Validation validation = Validation::warn;
    Selector labels, fields;  // of a DELETE of many
};

// The Answer is why not.
std::variant<Write, Answer> read_write(const Request&);

// A Status that names the object.
Answer refuse_object(int code, std::string_view reason, const Write&, std::string_view message);

// A body of one object; `wrong`: why not.
std::variant<json::value, Answer> read_body(const Write&);

// Changes the object as a patch says, or throws BadPatch or FailedTest. False: the type of the patch is none
// of ours.
bool patched(const Write&, json::value& object, const json::value& patch);
Answer unknown_patch(const Write&);

}  // namespace admin
