#include "proxy/tracing/spans.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "proxy/traffic/refusal.hpp"

namespace proxy {
namespace {

enum class Kind { internal = 1, server = 2, client = 3 };

// The methods that may name a span; others are one, or whoever makes up methods makes up names.
bool is_known_method(std::string_view method) {
    constexpr std::array<std::string_view, 9> known{"GET",     "HEAD",    "POST",  "PUT",  "DELETE",
                                                    "CONNECT", "OPTIONS", "TRACE", "PATCH"};
    return std::find(known.begin(), known.end(), method) != known.end();
}

class Attributes {
public:
    void text(std::string_view key, std::string_view value) {
        if (!value.empty())
            add(key, fmt::format(R"("stringValue":"{}")", json_escape(value.substr(0, longest))));
    }
    void number(std::string_view key, std::int64_t value) {
        add(key, fmt::format(R"("intValue":"{}")", value));
    }
    void seconds(std::string_view key, pods::Duration value) {
        add(key, fmt::format(R"("doubleValue":{:.6f})", std::chrono::duration<double>(value).count()));
    }
    const std::string& json() const { return out_; }

private:
    static constexpr std::size_t longest = 1024;

    void add(std::string_view key, std::string_view value) {
        fmt::format_to(std::back_inserter(out_), R"({}{{"key":"{}","value":{{{}}}}})",
                       out_.empty() ? "" : ",", key, value);
    }
    std::string out_;
};

struct SpanText {
    std::uint64_t id = 0;
    std::string parent, name;
    Kind kind = Kind::internal;
    pods::TimePoint began, ended;
    Attributes attributes;
    bool failed = false;
    std::string_view why;  // of a failure
};

std::string_view without_port(std::string_view host) {
    const auto colon = host.rfind(':');
    const bool in_brackets =
        colon != std::string_view::npos && host.find(']', colon) != std::string_view::npos;
    return in_brackets ? host : host.substr(0, colon);
}

std::int64_t unix_nanoseconds(const TraceRecord& record, pods::TimePoint at) {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(at.time_since_epoch()).count() +
           record.unix_offset;
}

// The children's ids need no generator of their own: they follow from the request's.
std::uint64_t child_id(std::uint64_t of, std::uint64_t number) {
    std::uint64_t x = of + number * 0x9e3779b97f4a7c15u;  // splitmix64, Steele et al. 2014
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    x ^= x >> 31;
    return x == 0 ? 1 : x;
}

std::string id_text(std::uint64_t id) {
    return fmt::format("{:016x}", id);
}

class Writer {
public:
    void record(const TraceRecord& r) {
        request(r);
        std::uint64_t number = 0;
        for (const auto& one : r.waits) wait(r, one, number += 2);
        for (std::size_t i = 0; i < r.tries.size(); ++i) pod(r, r.tries[i], static_cast<int>(i));
    }
    const std::string& json() const { return out_; }

private:
    void method(Attributes& to, const TraceRecord& r) {
        const bool known = is_known_method(r.method);
        to.text("http.request.method", known ? std::string_view(r.method) : "_OTHER");
        if (!known) to.text("http.request.method_original", r.method);
    }

    void request(const TraceRecord& r) {
        SpanText span;
        span.id = r.span_id, span.parent = r.context.parent_id, span.kind = Kind::server;
        span.name = is_known_method(r.method) ? r.method : "HTTP";
        span.began = r.began, span.ended = r.ended;
        auto& to = span.attributes;
        method(to, r);
        to.text("url.scheme", r.scheme);
        to.text("url.path", r.path);
        to.text("server.address", without_port(r.host));
        to.text("client.address", r.client);
        to.text("network.protocol.name", "http");
        to.text("network.protocol.version", r.protocol);
        to.text("user_agent.original", r.user_agent);
        const bool answered = r.status != 0 && r.status != 499;  // 499 is said to nobody
        if (answered) to.number("http.response.status_code", r.status);
        to.number("http.request.body.size", static_cast<std::int64_t>(r.bytes_in));
        to.number("http.response.body.size", static_cast<std::int64_t>(r.bytes_out));
        to.text("pilotlight.request_id", r.request_id);
        to.text("pilotlight.service", r.service);
        to.text("pilotlight.revision", r.revision);
        to.text("pilotlight.class", std::string_view(&r.request_class, 1));
        to.text("pilotlight.key", r.key);
        // What a client did wrong is no error of a server; what broke off is.
        span.failed = (answered && r.status >= 500 && !r.waiting_page) ||
                      (answered && r.status < 400 && !r.refusal.empty() && r.refusal != "client_left");
        const auto status = std::to_string(r.status);
        if (!r.refusal.empty())
            to.text("error.type", r.refusal);
        else if (span.failed)
            to.text("error.type", status);
        span.why = r.refusal;
        write(r, span);
    }

    // The part of the wait in which no pod was ready comes first: almost always it does, and how long each
    // part was is right all the same.
    void wait(const TraceRecord& r, const TracedWait& wait, std::uint64_t number) {
        const auto cold = std::min(wait.cold, wait.ended - wait.began);
        const auto warm = wait.began + cold;
        const auto part = [&](std::string_view name, std::uint64_t id, pods::TimePoint began,
                              pods::TimePoint ended) {
            SpanText span;
            span.id = child_id(r.span_id, id), span.parent = id_text(r.span_id), span.name = name;
            span.began = began, span.ended = ended;
            span.attributes.text("pilotlight.service", r.service);
            write(r, span);
        };
        if (wait.was_cold()) part("cold start", number, wait.began, warm);
        if (wait.was_queued()) part("queue", number + 1, warm, wait.ended);
    }

    void pod(const TraceRecord& r, const TracedTry& one, int number) {
        SpanText span;
        span.id = one.span_id, span.parent = id_text(r.span_id), span.kind = Kind::client;
        span.name = is_known_method(r.method) ? r.method : "HTTP";
        span.began = one.began, span.ended = one.ended;
        auto& to = span.attributes;
        method(to, r);
        const bool v6 = one.address.find(':') != std::string::npos;
        to.text("url.full", fmt::format("http://{}{}{}:{}{}", v6 ? "[" : "", one.address, v6 ? "]" : "",
                                        one.port, r.path));
        to.text("server.address", one.address);
        to.number("server.port", one.port);
        to.text("network.protocol.name", "http");
        to.text("network.protocol.version", "1.1");
        to.text("k8s.pod.name", one.pod);
        if (one.status != 0) to.number("http.response.status_code", one.status);
        if (number > 0) to.number("http.request.resend_count", number);
        span.failed = one.status >= 400 || !one.error.empty();
        const auto status = std::to_string(one.status);
        if (span.failed) to.text("error.type", one.error.empty() ? std::string_view(status) : one.error);
        span.why = one.description;
        write(r, span);
    }

    void write(const TraceRecord& r, const SpanText& span) {
        auto into = std::back_inserter(out_);
        fmt::format_to(into, R"({}{{"traceId":"{}","spanId":"{}")", out_.empty() ? "" : ",",
                       r.context.trace_id, id_text(span.id));
        if (!r.context.tracestate.empty())
            fmt::format_to(into, R"(,"traceState":"{}")", json_escape(r.context.tracestate));
        if (!span.parent.empty()) fmt::format_to(into, R"(,"parentSpanId":"{}")", span.parent);
        fmt::format_to(into,
                       R"(,"flags":{},"name":"{}","kind":{},"startTimeUnixNano":"{}","endTimeUnixNano":"{}",)"
                       R"("attributes":[{}],"status":{{)",
                       r.context.flags, json_escape(span.name), static_cast<int>(span.kind),
                       unix_nanoseconds(r, span.began), unix_nanoseconds(r, std::max(span.began, span.ended)),
                       span.attributes.json());
        if (span.failed) {
            out_ += R"("code":2)";
            if (!span.why.empty()) fmt::format_to(into, R"(,"message":"{}")", json_escape(span.why));
        }
        out_ += "}}";
    }

    std::string out_;
};

}  // namespace

std::string export_request(const TraceResource& from, std::span<const TraceRecord> records) {
    Attributes resource;
    resource.text("service.name", from.service_name);
    resource.text("service.version", from.version);
    resource.text("service.instance.id", from.instance_id);
    Writer spans;
    for (const auto& one : records) spans.record(one);
    return fmt::format(
        R"({{"resourceSpans":[{{"resource":{{"attributes":[{}]}},"scopeSpans":[{{"scope":{{"name":"pilotlight"}},"spans":[{}]}}]}}]}})",
        resource.json(), spans.json());
}

}  // namespace proxy
