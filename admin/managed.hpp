// Who has set which field: metadata.managedFields, and server-side apply that goes by it. Lists are whole
// (Knative's CRD gives no key for them). Pure.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "admin/patch.hpp"

namespace admin {

// Whose change it is; `time` as it stands in the entry.
struct Manager {
    std::string name;
    std::string subresource{};
    std::string api_version, time;
};

// The fields that `after` has otherwise than `before` become this manager's; those that are gone are
// nobody's. Returns the managedFields.
json::array owned_after_update(const json::object& before, const json::object& after, const Manager&);

struct Conflict {
    std::string manager, field;  // ".spec.template"
};

struct Applied {
    json::object object;  // with its managedFields
    std::vector<Conflict> conflicts;
};

// `wanted` is all that the manager wants of the object: what it wanted before and wants no more goes. A field
// that another has set otherwise is a conflict, unless it is forced. structured-merge-diff's rules.
Applied server_side_apply(const json::object& now, const json::object& wanted, const Manager&, bool force);

// Entries of managers that only update; beyond them the oldest are one. As Kubernetes' API server.
inline constexpr std::size_t most_updaters = 10;

}  // namespace admin
