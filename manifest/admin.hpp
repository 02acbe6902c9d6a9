// spec.admin of a Gateway: where the admin address is and who may do what there.
#pragma once

#include "manifest/configuration.hpp"
#include "manifest/fields.hpp"

namespace manifest {

// The listeners are read already.
void read_admin(Fields& spec, Gateway& gateway);

bool is_loopback(std::string_view address);

}  // namespace manifest
