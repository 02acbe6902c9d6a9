// /logging of the admin address: how much each subsystem of the gateway's own log says, and how to have it
// say more or less for a while. What was set by hand is forgotten at the next reload (SIGHUP), restart or
// upgrade.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <variant>

#include "admin/api.hpp"

namespace admin {

inline constexpr std::string_view logging_path = "/logging";

// By the subsystems' names; empty: as the manifest says.
using LevelChanges = std::map<std::string, std::optional<std::string>>;

// What a PUT or PATCH of /logging asks for, or why not. A PUT names all that is to be set by hand, a PATCH
// (RFC 7396) what is to change. Pure.
std::variant<LevelChanges, Answer> read_level_changes(const Request&);

// Empty: the request is of something else. On the control thread.
std::optional<Answer> log_levels(const Request&);

}  // namespace admin
