// What becomes of a new state of an object: what is the server's to say is said, and the keeper takes it or
// not. Pure.
#pragma once

#include "admin/write_object.hpp"

namespace admin {

// `next`: the object as the client wants it. `owned`: its managedFields are right already.
Answer put(Write&, const World&, const Current&, json::object next, bool owned = false);

}  // namespace admin
