// What can be listed: each resource with its place in Kubernetes' API, its columns in kubectl and how it is
// made from a snapshot. Everything else in this room (lists, tables, watches, discovery) is the same for all
// of them.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "admin/words.hpp"

namespace admin {

namespace json = boost::json;
using proxy::Snapshot;

// A column of a table. Its cell is empty in Item::cells when `age` is set: ages are written when the table
// is.
struct Column {
    std::string_view name, type, format, description;
    int priority = 0;  // 1: only with -o wide
    bool age = false;
};

// One object, as JSON and as a row.
struct Item {
    std::string name_space, name;
    WallTime created;
    json::object object;  // with everything but metadata.resourceVersion, which the store knows
    json::array cells;    // in the order of the columns
};

// Where in a snapshot an item is.
struct Key {
    std::string name_space, name;
    std::size_t index = 0;
};

struct Resource {
    std::string_view group, version;  // the core group has no name
    std::string_view kind, plural, singular;
    std::span<const std::string_view> short_names;
    std::span<const Column> columns;
    bool immutable = false;  // what is known once never changes: events
    std::vector<Key> (*keys)(const Snapshot&) = nullptr;
    Item (*make)(const Snapshot&, std::size_t index) = nullptr;
    bool namespaced = true;
};

std::span<const Resource> resources();

// "v1", "serving.knative.dev/v1".
std::string api_version(const Resource&);

// "pods", "services.serving.knative.dev": how error messages call it.
std::string full_name(const Resource&);

}  // namespace admin
