// A Sec-WebSocket-Key of our own (RFC 6455 section 4.1), for a client who has none: HTTP/2 knows no such
// thing.
#pragma once

#include <string>

namespace proxy {

std::string new_websocket_key();

}  // namespace proxy
