// Changes over the API: what a POST, PUT, PATCH or DELETE makes of an object, by the rules of Kubernetes' API
// (its API concepts and conventions). Pure; the keeper carries out what was decided.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "admin/api.hpp"
#include "admin/keeper.hpp"

namespace admin {

// What a change is decided on and by.
struct World {
    Keeper& keeper;
    const Snapshot& snapshot;
    const Store& store;
    WallTime now;
    std::function<std::string()> new_uid;
    std::function<void()> look;  // brings the store up to date after a change
};

// Empty: it is no change, and nothing that only changes speak of (a Scale).
std::optional<Answer> change(const Request&, const World&);

inline constexpr std::string_view replicas_annotation = "pilotlight.dev/replicas";
inline constexpr std::string_view source_annotation = "pilotlight.dev/source";

}  // namespace admin
