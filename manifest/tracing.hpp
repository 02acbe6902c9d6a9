// spec.tracing of a Gateway: where spans go, and of which requests.
#pragma once

#include <optional>
#include <string_view>

#include "manifest/configuration.hpp"
#include "manifest/fields.hpp"

namespace manifest {

// "http://127.0.0.1:4318", "https://collector.example:4318/v1/traces". Without a path it is OTLP's (OTLP/HTTP
// specification: v1/traces). Empty: it is none such.
std::optional<Collector> parse_collector(std::string_view url);

void read_tracing(Fields& spec, Gateway& gateway);

}  // namespace manifest
