#include "proxy/traffic/refusal.hpp"

#include <fmt/format.h>

#include "proxy/traffic/text.hpp"
#include "proxy/waiting/look.hpp"

namespace proxy {

RefusalInfo describe(Refusal refusal) {
    switch (refusal) {
        case Refusal::bad_request:
            return {400, "http_request_error", "bad_request", "The request is malformed", false, true};
        case Refusal::body_too_large:
            return {413, "", "body_too_large", "The request body is too large", false, true};
        case Refusal::request_timeout:
            return {408, "http_request_error", "request_timeout", "The request did not arrive in time", false,
                    true};
        case Refusal::unknown_host:
            return {404, "destination_not_found", "unknown_host", "No service has this host name"};
        case Refusal::denied:
            return {403, "http_request_denied", "denied", "This path is not served"};
        case Refusal::unauthorized:
            return {401, "http_request_denied", "unauthorized", "A key is needed"};
        case Refusal::key_limit:
            return {429, "connection_limit_reached", "key_limit", "Too many requests with this key", true};
        case Refusal::queue_full:
            return {503, "connection_limit_reached", "queue_full", "The queue is full", true};
        case Refusal::queue_timeout:
            return {504, "connection_timeout", "queue_timeout", "No pod was free in time"};
        case Refusal::cold_start_timeout:
            return {503, "destination_unavailable", "cold_start_timeout", "No pod became ready in time",
                    true};
        case Refusal::unavailable:
            return {503, "destination_unavailable", "unavailable", "No pod is available", true};
        case Refusal::scaled_to_zero:
            return {503, "destination_unavailable", "scaled_to_zero", "The service is scaled to zero by hand",
                    true};
        case Refusal::shutting_down:
            return {503, "", "shutting_down", "The gateway is shutting down", true, true};
        case Refusal::pod_died:
            return {502, "connection_terminated", "pod_died", "The pod went away before it answered"};
        case Refusal::pod_nonsense:
            return {502, "http_protocol_error", "pod_nonsense",
                    "The pod's answer is not HTTP as it should be"};
        case Refusal::pod_timeout:
            return {504, "http_response_timeout", "pod_timeout", "The pod did not answer in time"};
        case Refusal::disk_full:
            return {503, "proxy_internal_error", "disk_full", "The gateway has no room for the body", true,
                    true};
        case Refusal::overloaded:
            return {503, "connection_limit_reached", "overloaded", "The gateway is overloaded", true, true};
        case Refusal::misdirected:
            return {421, "destination_not_found", "misdirected", "This connection is not for this host"};
        case Refusal::loop:
            return {508, "proxy_loop_detected", "loop", "The request goes in circles"};
        case Refusal::unplaced:
            return {409, "http_request_error", "unplaced", "Nothing says which pod works for you"};
        case Refusal::broken:
            return {500, "proxy_internal_error", "broken", "The gateway failed on this request", false, true};
        case Refusal::client_left:
            return {499, "", "client_left", "The client left"};
    }
    return {500, "proxy_internal_error", "internal", "Internal error", false, true};
}

std::string_view advice(Refusal refusal) {
    switch (refusal) {
        case Refusal::queue_full:
            return "As many requests wait already as pilotlight.dev/queue-depth and queue-bytes allow. Try "
                   "again later.";
        case Refusal::queue_timeout:
            return "All pods were busy for as long as pilotlight.dev/queue-timeout allows to wait. Try again "
                   "later.";
        case Refusal::cold_start_timeout:
            return "No pod became ready within pilotlight.dev/cold-start-timeout; 'pilotlight get events' "
                   "says why.";
        case Refusal::unavailable:
            return "The service's pods do not start; 'pilotlight get events' says why. They are tried again, "
                   "less and less often.";
        case Refusal::scaled_to_zero:
            return "Somebody has scaled this service to zero (pilotlight.dev/replicas: 0). 'pilotlight scale "
                   "SERVICE --auto' takes that back.";
        case Refusal::shutting_down:
            return "The gateway is shutting down. Try again in a moment.";
        case Refusal::unauthorized:
            return "Send a key of this service as 'Authorization: Bearer', 'X-API-Key', or as name and "
                   "password "
                   "('Authorization: Basic').";
        case Refusal::key_limit:
            return "There are as many requests with this key as it may have. Try again later.";
        case Refusal::overloaded:
            return "The gateway has as much to hold as its memory allows. Try again in a moment.";
        default:
            return describe(refusal).title;
    }
}

std::string_view status_text(int status) {
    switch (status) {
        case 200:
            return "OK";
        case 204:
            return "No Content";
        case 400:
            return "Bad Request";
        case 401:
            return "Unauthorized";
        case 403:
            return "Forbidden";
        case 429:
            return "Too Many Requests";
        case 404:
            return "Not Found";
        case 405:
            return "Method Not Allowed";
        case 408:
            return "Request Timeout";
        case 409:
            return "Conflict";
        case 413:
            return "Content Too Large";
        case 414:
            return "URI Too Long";
        case 417:
            return "Expectation Failed";
        case 421:
            return "Misdirected Request";
        case 431:
            return "Request Header Fields Too Large";
        case 500:
            return "Internal Server Error";
        case 501:
            return "Not Implemented";
        case 502:
            return "Bad Gateway";
        case 503:
            return "Service Unavailable";
        case 504:
            return "Gateway Timeout";
        case 505:
            return "HTTP Version Not Supported";
        case 508:
            return "Loop Detected";
        default:
            return "";
    }
}

namespace {

std::string problem(int status, const RefusalInfo& info, const RefusalContext& context) {
    return fmt::format(
        R"({{"type":"about:blank","title":"{}","status":{},"detail":"{}","error":"{}","requestId":"{}"}})"
        "\n",
        info.title, status, json_escape(context.detail), info.label, json_escape(context.request_id));
}

// Worth a second try by the same person, without a change.
bool may_pass(int status) {
    return status == 408 || status >= 500;
}

std::string refusal_page(int status, const RefusalInfo& info, const RefusalContext& context) {
    const auto title = html_escape(info.title);
    return page(
        fmt::format("{} {}", status, info.title), "",
        fmt::format("<main>{}<h1>{}</h1><p>{}</p>{}<small>{} · Pilotlight · request {}</small></main>",
                    flame(false), title, html_escape(context.detail),
                    may_pass(status) ? "<a class=button href=''>Try again</a>" : "", status,
                    html_escape(context.request_id)));
}

}  // namespace

std::string refusal_response(Refusal refusal, const RefusalContext& context) {
    const auto info = describe(refusal);
    const int status = context.status != 0 ? context.status : info.status;
    const auto body =
        context.wants_html ? refusal_page(status, info, context) : problem(status, info, context);
    auto out = fmt::format(
        "HTTP/1.1 {} {}\r\nDate: {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nCache-Control: no-store\r\n",
        status, status_text(status), http_date(),
        context.wants_html ? "text/html; charset=utf-8" : "application/problem+json", body.size());
    const bool size = status == 413 || status == 414 || status == 431;  // the status says it all
    if (!info.proxy_error.empty() && !size)
        out += fmt::format("Proxy-Status: pilotlight; error={}\r\n", info.proxy_error);
    if (info.retry_after) out += fmt::format("Retry-After: {}\r\n", context.retry_after.count());
    if (status == 401)
        out +=
            "WWW-Authenticate: Basic realm=\"Pilotlight\", charset=\"UTF-8\"\r\n"
            "WWW-Authenticate: Bearer realm=\"Pilotlight\"\r\n";
    if (status == 405) out += fmt::format("Allow: {}\r\n", allowed_methods);
    if (!context.request_id.empty()) out += fmt::format("X-Request-Id: {}\r\n", context.request_id);
    if (context.wants_html) out += page_policy();
    out += context.extra_fields;
    if (context.close || info.close) out += "Connection: close\r\n";
    out += "\r\n";
    if (!context.head_only) out += body;
    return out;
}

}  // namespace proxy
