// What is passed on of a head, and what we say ourselves. The framing of both directions is written here and
// nowhere else; nothing that a peer said about framing is copied (RFC 9110 section 7.6, RFC 9112 sections 6
// and 9). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "proxy/traffic/h2_fields.hpp"
#include "proxy/traffic/head.hpp"

namespace proxy {

struct ToPod {
    std::string_view client_address;
    bool client_trusted = false;  // a configured proxy: what it says of X-Forwarded-* is kept
    bool tls = false;
    std::string_view client_certificate;  // in X-Forwarded-Client-Cert; empty: none
    std::string_view request_id;
    std::string_view traceparent;
    bool hide_keys = false;                       // Authorization and X-API-Key are ours
    std::string_view hide_cookie;                 // ours; empty: none
    std::optional<std::uint64_t> content_length;  // the body is whole when it is sent, so it is always sized
    bool identity = false;   // ask for no coding: event streams stall in some pods' compressors
    bool websocket = false;  // with the Upgrade
};
std::string request_for_pod(const RequestHead&, const ToPod&);  // max_forwards() is not 0

struct ToClient {
    int client_minor_version = 1;
    bool head_request = false;
    bool keep_alive = true;
    std::string_view extra_fields;  // complete lines with CRLF
    bool websocket = false;         // it is the 101
};
struct ResponseText {
    std::string octets;
    bool chunked = false;    // the body goes out in chunks
    bool keep_alive = true;  // the connection can be used again
};
ResponseText response_for_client(const ResponseHead&, const ToClient&);
H2Fields fields_for_client(const ResponseHead&, const ToClient&);  // the same for HTTP/2; no 101

// A 1xx head other than 101, for a client of HTTP/1.1.
std::string interim_for_client(const ResponseHead&);

// "2a\r\n": what goes before a chunk of that many octets; CRLF goes after it.
std::string chunk_start(std::size_t octets);

// It has passed a Pilotlight so often that its pod must be the gateway itself (RFC 9110 section 7.6.3).
bool goes_in_circles(const RequestHead&);

bool is_request_id(std::string_view);  // 1 to 64 of [A-Za-z0-9._-]
// W3C Trace Context sections 3.2 and 3.3: of version 00, or of a later one by what that would share with it.
bool is_traceparent(std::string_view);

}  // namespace proxy
