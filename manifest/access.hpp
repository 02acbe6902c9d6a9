// spec.access of a Gateway: lists of keys, which services name with pilotlight.dev/access.
#pragma once

#include "manifest/configuration.hpp"
#include "manifest/fields.hpp"

namespace manifest {

void read_access(Fields& spec, Gateway& gateway);

}  // namespace manifest
