// The number of pods of a Service as its subresource `scale`, of which it is the annotation that says it by
// hand. Pure.
#pragma once

#include "admin/write_object.hpp"

namespace admin {

// GET, PUT and PATCH.
Answer scale(Write&, const World&);

}  // namespace admin
