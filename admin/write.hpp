// Changes over the API: what a POST, PUT, PATCH or DELETE makes of an object, by the rules of Kubernetes' API (its API
// concepts and conventions). Pure; the keeper carries out what was decided.
#pragma once

#include <map>
#include <string>

#include "admin/api.hpp"
#include "admin/keeper.hpp"

namespace admin {

struct Write {
    std::string method;  // POST, PUT, PATCH, DELETE
    const Resource* resource = nullptr;
    std::string name_space, name;  // POST: without a name
    std::string subresource;       // "scale", or empty
    std::map<std::string, std::string, std::less<>> parameters;
    std::string content_type, body;
    std::string uid;  // for an object that is new
};

// Which resources can be written at all; subresource: as above.
bool writable(const Resource&, std::string_view subresource);

inline constexpr std::string_view replicas_annotation = "pilotlight.dev/replicas";
inline constexpr std::string_view source_annotation = "pilotlight.dev/source";

// After it `store` may have to be brought up to date; `look` does that.
Answer carry_out(const Write&, Keeper&, const Snapshot&, const Store&, WallTime now,
                 const std::function<const Store&()>& look);

// The Scale of a service, as GET shows it.
json::object scale_of(const Resource&, const Stored&, const Snapshot&);

}  // namespace admin
