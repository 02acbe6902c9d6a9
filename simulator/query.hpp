// Parts of a request's target. Pure.
#pragma once

#include <string>
#include <string_view>

namespace simulator {

// The value of NAME=... in a query, percent-decoded; empty: it has none.
std::string query_value(std::string_view query, std::string_view name);

// What follows the first `word` in a path; empty: it is not there.
std::string_view after(std::string_view path, std::string_view word);

// Whether ComfyUI refuses such a request: its Host is a loopback name and another than its Origin's
// (server.py origin_only_middleware). A page of somebody else must not reach a service on one's own machine.
bool is_foreign_origin(std::string_view host, std::string_view origin);

}  // namespace simulator
