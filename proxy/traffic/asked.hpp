// What the rules of classes look at in a request's head. Pure.
#pragma once

#include "proxy/traffic/head.hpp"
#include "router/rules.hpp"

namespace proxy {

// RFC 6455 section 4.1: GET, HTTP/1.1, "Connection: Upgrade" and "Upgrade: websocket".
bool asks_for_websocket(const RequestHead&);

// Views into the head.
router::Asked asked_by(const RequestHead&);

}  // namespace proxy
