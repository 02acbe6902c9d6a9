// What was given, in files or over the API, beside what became of it. Pure.
#pragma once

#include "admin/resources.hpp"

namespace admin {

// Null: nothing of that kind and name was given.
const proxy::ObjectView* given(const Snapshot&, std::string_view kind, std::string_view name_space,
                               std::string_view name);

// Its metadata and spec in place of those that were made up from a snapshot; observedGeneration follows.
void show_given(const proxy::ObjectView&, Item&);

std::vector<Key> domain_mapping_keys(const Snapshot&);
Item domain_mapping_item(const Snapshot&, std::size_t index);

}  // namespace admin
