// What the rules of classes look at in a request's head. Pure.
#pragma once

#include "proxy/traffic/head.hpp"
#include "router/rules.hpp"

namespace proxy {

// Views into the head.
router::Asked asked_by(const RequestHead&);

}  // namespace proxy
