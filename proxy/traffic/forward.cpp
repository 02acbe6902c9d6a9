#include "proxy/traffic/forward.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "proxy/traffic/cookie.hpp"
#include "proxy/traffic/text.hpp"

namespace proxy {
namespace {

constexpr std::size_t most_times_through_us = 8;  // one behind the other there may be two

bool one_of(std::string_view name, std::initializer_list<std::string_view> names) {
    return std::any_of(names.begin(), names.end(), [&](auto other) { return same_name(name, other); });
}

bool has_prefix(std::string_view name, std::string_view prefix) {
    return name.size() > prefix.size() && same_name(name.substr(0, prefix.size()), prefix);
}

// RFC 9110 section 7.6.1, and what speaks of framing.
bool is_hop_by_hop(std::string_view name) {
    switch (name.size()) {
        case 2:
            return same_name(name, "TE");
        case 5:
            return same_name(name, "Close");  // reserved, for who reads a Connection option as a field's name
        case 7:
            return one_of(name, {"Trailer", "Upgrade"});
        case 10:
            return one_of(name, {"Connection", "Keep-Alive"});
        case 14:
            return same_name(name, "Content-Length");
        case 16:
            return same_name(name, "Proxy-Connection");
        case 17:
            return same_name(name, "Transfer-Encoding");
        default:
            return false;
    }
}

// Said by an intermediary about the client; from anybody else it is a forgery (Knative trusts its ingress to
// drop them).
bool is_identity(std::string_view name) {
    return has_prefix(name, "X-Forwarded-") || has_prefix(name, "K-") || has_prefix(name, "Knative-") ||
           one_of(name, {"Forwarded", "X-Real-IP"});
}

bool is_ours_to_say(std::string_view name) {
    return one_of(name, {"Host", "Expect", "X-Request-Id", "Via", "Cookie", "traceparent", "HTTP2-Settings",
                         "Proxy-Authorization"});
}

// As it came, if it was written as we write it.
void line(std::string& out, const Field& field) {
    const auto& [name, value] = field;
    const auto* const end = name.data() + name.size();
    const bool as_ours = value.data() == end + 2 && end[1] == ' ' && value.end()[0] == '\r';
    if (as_ours)
        out.append(name.data(), value.end() + 2);
    else
        append_line(out, name, value);
}

void joined_line(std::string& out, const Head& head, std::string_view name, std::string_view added) {
    out += name;
    out += ": ";
    for (const auto& field : head.fields())
        if (same_name(field.name, name) && !field.value.empty()) (out += field.value) += ", ";
    out += added;
    out += "\r\n";
}

void forwarded_lines(std::string& out, const RequestHead& head, const ToPod& to) {
    if (to.client_trusted) {
        joined_line(out, head, "X-Forwarded-For", to.client_address);
    } else {
        append_line(out, "X-Forwarded-For", to.client_address);
    }
    const auto kept = [&](std::string_view name) {
        return to.client_trusted && head.has(name) && !head.has_connection_option(name);
    };
    if (!kept("X-Forwarded-Host")) append_line(out, "X-Forwarded-Host", head.host());
    if (!kept("X-Forwarded-Proto")) append_line(out, "X-Forwarded-Proto", to.tls ? "https" : "http");
    if (!to.client_certificate.empty()) append_line(out, "X-Forwarded-Client-Cert", to.client_certificate);
}

void cookie_line(std::string& out, const RequestHead& head, std::string_view hide) {
    if (head.has_connection_option("Cookie")) return;
    for (const auto& field : head.fields()) {
        if (!same_name(field.name, "Cookie")) continue;
        if (hide.empty())
            append_line(out, "Cookie", field.value);
        else if (const auto rest = strip_cookie(field.value, hide); !rest.empty())
            append_line(out, "Cookie", rest);
    }
}

template <class Use>
void each_that_goes_on(const ResponseHead& head, Use use) {
    const bool names_fields = head.connection_names_fields();
    for (const auto& field : head.fields()) {
        if (is_hop_by_hop(field.name) || same_name(field.name, "X-Request-Id")) continue;
        if (names_fields && head.has_connection_option(field.name)) continue;
        use(field);
    }
}

// The status line and the fields that go on.
void passed_on(std::string& out, const ResponseHead& head) {
    out.reserve(1024);
    (out += "HTTP/1.1 ") += fmt::format_int(head.status()).c_str();
    ((out += ' ') += head.reason()) += "\r\n";
    each_that_goes_on(head, [&](const Field& field) { line(out, field); });
}

// Of the content, or of what a GET would have brought. Empty: its end will tell.
std::optional<std::uint64_t> announced_length(const ResponseHead& head, bool head_request) {
    if (head.framing() == Framing::sized) return head.content_length();
    const bool may_announce = head.framing() == Framing::none && (head_request || head.status() == 304);
    if (may_announce && head.status() != 204 && head.has("Content-Length")) return head.content_length();
    return std::nullopt;
}

}  // namespace

std::string request_for_pod(const RequestHead& head, const ToPod& to) {
    std::string out;
    out.reserve(1024);
    out += head.method();
    out += ' ';
    out += head.target();
    out += " HTTP/1.1\r\n";
    append_line(out, "Host", head.host());
    const bool names_fields = head.connection_names_fields();
    // Of the same trace, whoever its span is.
    const auto trace_of = [](std::string_view text) {
        return text.substr(std::min<std::size_t>(3, text.size()), 32);
    };
    const bool new_trace = trace_of(head.first("traceparent")) != trace_of(to.traceparent);
    for (const auto& field : head.fields()) {
        const auto name = field.name;
        if (is_hop_by_hop(name) || is_ours_to_say(name)) continue;
        if (name.find('_') != std::string_view::npos) continue;  // CGI and WSGI read it as '-'
        if (is_identity(name) && (!to.client_trusted || same_name(name, "X-Forwarded-For"))) continue;
        if (!to.client_certificate.empty() && same_name(name, "X-Forwarded-Client-Cert")) continue;
        if (names_fields && head.has_connection_option(name)) continue;
        if (to.hide_keys && one_of(name, {"Authorization", "X-API-Key"})) continue;
        if (to.identity && same_name(name, "Accept-Encoding")) continue;
        if (new_trace && same_name(name, "tracestate")) continue;  // it is of another trace
        if (head.max_forwards() && same_name(name, "Max-Forwards")) {
            append_line(out, name, fmt::format_int(*head.max_forwards() - 1).c_str());
            continue;
        }
        line(out, field);
    }
    if (to.identity) append_line(out, "Accept-Encoding", "identity");
    if (to.websocket) out += "Connection: Upgrade\r\nUpgrade: websocket\r\n";
    cookie_line(out, head, to.hide_cookie);
    forwarded_lines(out, head, to);
    joined_line(out, head, "Via",
                head.http2()                ? "2.0 pilotlight"
                : head.minor_version() == 0 ? "1.0 pilotlight"
                                            : "1.1 pilotlight");
    append_line(out, "X-Request-Id", to.request_id);
    append_line(out, "traceparent", to.traceparent);
    if (to.content_length) append_line(out, "Content-Length", fmt::format_int(*to.content_length).c_str());
    out += "\r\n";
    return out;
}

ResponseText response_for_client(const ResponseHead& head, const ToClient& to) {
    ResponseText text;
    auto& out = text.octets;
    passed_on(out, head);
    out += to.extra_fields;
    if (to.websocket) {
        out += "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
        return text;
    }
    text.keep_alive = to.keep_alive;
    if (const auto length = announced_length(head, to.head_request))
        append_line(out, "Content-Length", fmt::format_int(*length).c_str());
    if (head.framing() == Framing::chunked || head.framing() == Framing::until_close) {
        text.chunked = to.client_minor_version >= 1;
        if (text.chunked)
            append_line(out, "Transfer-Encoding", "chunked");
        else
            text.keep_alive = false;  // HTTP/1.0 learns the end from the close
    }
    if (!text.keep_alive)
        append_line(out, "Connection", "close");
    else if (to.client_minor_version == 0)
        append_line(out, "Connection", "keep-alive");
    out += "\r\n";
    return text;
}

H2Fields fields_for_client(const ResponseHead& head, const ToClient& to) {
    H2Fields out(head.status());
    each_that_goes_on(head, [&](const Field& field) { out.add(field.name, field.value); });
    out.add_lines(to.extra_fields);
    if (const auto length = announced_length(head, to.head_request))
        out.add("Content-Length", fmt::format_int(*length).c_str());
    return out;
}

std::string interim_for_client(const ResponseHead& head) {
    std::string out;
    passed_on(out, head);
    return out += "\r\n";
}

std::string chunk_start(std::size_t octets) {
    return fmt::format("{:x}\r\n", octets);
}

bool goes_in_circles(const RequestHead& head) {
    constexpr std::string_view us = " pilotlight";
    std::size_t times = 0;
    for (const auto& field : head.fields())
        if (same_name(field.name, "Via"))
            for (auto at = field.value.find(us); at != std::string_view::npos;
                 at = field.value.find(us, at + us.size()))
                ++times;
    return times >= most_times_through_us;
}

bool is_request_id(std::string_view text) {
    return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
               c == '_' || c == '-';
    });
}

bool is_traceparent(std::string_view text) {
    const auto hex = [&](std::size_t from, std::size_t count) {
        const auto part = text.substr(from, count);
        return std::all_of(part.begin(), part.end(),
                           [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
    };
    constexpr std::size_t size = 55, longest = 256;  // of version 00, which later ones may only add to
    if (text.size() < size) return false;
    const bool of_00 = text.starts_with("00-");
    const bool ends_well = text.size() == size || (!of_00 && text.size() <= longest && text[size] == '-');
    return ends_well && hex(0, 2) && !text.starts_with("ff") && text[2] == '-' && text[35] == '-' &&
           text[52] == '-' && hex(3, 32) && hex(36, 16) && hex(53, 2) &&
           text.substr(3, 32) != std::string(32, '0') && text.substr(36, 16) != std::string(16, '0');
}

}  // namespace proxy
