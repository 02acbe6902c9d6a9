// Records as a collector takes them: OTLP 1.x in its JSON encoding (opentelemetry-proto,
// docs/specification.md), attributes by OpenTelemetry's semantic conventions for HTTP (1.27). Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "proxy/tracing/record.hpp"

namespace proxy {

// Who sends them.
struct TraceResource {
    std::string service_name, instance_id, version;
};

// The body of a POST to v1/traces.
std::string export_request(const TraceResource&, std::span<const TraceRecord>);

}  // namespace proxy
