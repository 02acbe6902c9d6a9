// GET /api/v1/namespaces/NS/pods/POD/log, as kubectl logs asks it -> which log, and what of it. Pure.
#pragma once

#include "admin/api.hpp"
#include "admin/parameters.hpp"

namespace admin {

Answered pod_log(const std::string& name_space, const std::string& pod, const Parameters&, const Store&,
                 WallTime now);

// Whether the log may still grow.
bool pod_is_there(const Store&, const LogWish&);

}  // namespace admin
