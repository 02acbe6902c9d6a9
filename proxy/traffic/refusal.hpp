// Why a request was turned away -> status, Proxy-Status, problem document or page, metric label. Pure.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace proxy {

enum class Refusal : unsigned char {
    bad_request,  // the head or the body's framing; the status comes from the parser
    body_too_large,
    request_timeout,  // a client that stopped in the middle of its request
    unknown_host,
    denied,
    unauthorized,  // no key of the service's list
    key_limit,     // enough requests with this key wait already
    queue_full,
    queue_timeout,
    cold_start_timeout,  // no pod in the budget
    unavailable,         // pods cannot be had: they crash, or there is no room; or nobody may wake one
    scaled_to_zero,      // by hand: no pods until somebody says otherwise
    shutting_down,
    pod_died,
    pod_nonsense,
    pod_timeout,
    disk_full,
    overloaded,   // the gateway has taken nearly all the memory that it may have
    misdirected,  // its host is not one of the certificate's that this connection began with
    loop,         // it comes from this gateway, again and again
    unplaced,     // it is for the pod that works for its client, and nothing says which
    broken,       // an exception of ours ended it
    client_left,  // never sent, only logged and counted
};

struct RefusalInfo {
    int status;
    std::string_view proxy_error;  // RFC 9209 section 2.3; empty: none
    std::string_view label;        // in logs and metrics
    std::string_view title;
    bool retry_after = false;
    bool close = false;  // the connection is of no more use
};

RefusalInfo describe(Refusal);

// One sentence for people: what happened and what to do about it, where there is nothing more particular to
// say.
std::string_view advice(Refusal);

struct RefusalContext {
    int status = 0;           // other than the usual one
    std::string_view detail;  // one sentence for people: what happened, to whom, what to do
    std::string_view request_id;
    bool wants_html = false;
    bool head_only = false;
    bool close = false;
    std::chrono::seconds retry_after{5};
    std::string_view extra_fields;  // complete lines with CRLF
};

// The whole answer, ready to be written. RFC 9457 for programs, a page for browsers.
std::string refusal_response(Refusal, const RefusalContext&);

std::string_view status_text(int status);

inline constexpr std::string_view allowed_methods = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

// Octets that are safe inside a JSON string; control characters escaped, invalid UTF-8 replaced.
std::string json_escape(std::string_view);
std::string html_escape(std::string_view);

}  // namespace proxy
