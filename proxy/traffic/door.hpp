// What a listener says about its connections. Immutable, made by control; a connection keeps the one that it
// came through.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "proxy/tls/context.hpp"

namespace proxy {

constexpr bool speaks_http2 = true;  // offered in ALPN

struct Door {
    std::shared_ptr<const TlsContext> tls;  // null: plain
    bool http2 = true;                      // in clear
    bool proxy_protocol = false;
    bool forward_client_certificate = false;
    std::optional<std::uint16_t> https_port;  // plain requests are sent there
    std::string fields;                       // of every answer: complete lines with CRLF
};

struct DoorCounters {
    std::atomic<std::uint64_t> handshakes{0}, resumed{0}, handshake_failures{0}, proxy_headers_refused{0};
};

}  // namespace proxy
