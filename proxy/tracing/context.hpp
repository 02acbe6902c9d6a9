// Whether a request is traced, and what its pod is told about that: W3C Trace Context. Pure; the random
// numbers are passed in.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "manifest/configuration.hpp"
#include "proxy/tracing/record.hpp"

namespace proxy {

struct Sampling {
    double ratio = 0;
    manifest::Parent parent = manifest::Parent::follow;
};

// Section 3.2 of W3C Trace Context, version 00 strictly, of a later version what it has of that. Empty: it is
// none.
std::optional<TraceContext> parse_traceparent(std::string_view);
std::string write_traceparent(const TraceContext&, std::uint64_t span_id);

// A tracestate goes on and is exported only if it is one: section 3.3, 32 members, 512 octets.
bool is_tracestate(std::string_view);

// By the trace's own random bits (the last 56, section 3.2.2.3 of Level 2), so that everybody who traces at
// the same ratio decides alike.
bool in_sample(std::string_view trace_id, double ratio);

// What a request's trace is, if it is traced. `given`: the caller's context, if any; `heed`: his decision
// counts.
std::optional<TraceContext> sample(const Sampling&, const std::optional<TraceContext>& given, bool trusted,
                                   std::uint64_t random_high, std::uint64_t random_low);

}  // namespace proxy
