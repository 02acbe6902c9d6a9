#include "manifest/tracing.hpp"

#include <algorithm>
#include <charconv>

#include "manifest/names.hpp"
#include "manifest/units.hpp"

namespace manifest {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t most_headers = 16;

bool is_plain(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
}

// RFC 9110 section 5.5, in what a manifest may sensibly say.
bool is_header_value(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= ' ' && c < '\x7f'; });
}

// RFC 9110 section 5.6.2
bool is_header_name(std::string_view name) {
    const auto fits = [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
    };
    return !name.empty() && std::ranges::all_of(name, fits);
}

std::string lower(std::string text) {
    std::ranges::transform(text, text.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
    return text;
}

// Its value may be a secret, which no message repeats.
ExportHeader read_header(const Node& node, const std::string& path, Problems& problems) {
    Fields fields(&node, path, problems);
    ExportHeader header;
    if (fields.need_text("name", header.name) && !is_header_name(header.name))
        fields.error("name", "must be the name of a header, not " + quote(header.name));
    for (const auto* ours : {"host", "content-length", "content-type", "connection", "transfer-encoding"})
        if (lower(header.name) == ours)
            fields.error("name", quote(header.name) + " is written by the gateway");
    std::string file;
    fields.text("value", header.value);
    fields.text("valueFile", file);
    header.value_file = file;
    if (header.value.empty() == file.empty())
        fields.error("value", "give either a value or, for a secret, its file in valueFile");
    else if (file.empty() && !is_header_value(header.value))
        fields.error("value", "must be printable ASCII");
    fields.close();
    return header;
}

void read_headers(Fields& fields, Tracing& tracing) {
    const Node* node = fields.find("headers");
    if (!node) return;
    const auto path = fields.path_of("headers");
    for (const auto& item : read_list(node, path, fields.problems()))
        tracing.headers.push_back(
            read_header(*item, path + "[" + std::to_string(tracing.headers.size()) + "]", fields.problems()));
    if (tracing.headers.size() > most_headers)
        fields.error("headers", "there may be " + std::to_string(most_headers) + " at most");
}

void read_ratio(Fields& fields, double& out) {
    const Node* node = fields.find("ratio");
    if (!node) return;
    const auto value = node->is_scalar() ? parse_number(node->text) : std::nullopt;
    if (!value || *value < 0 || *value > 1)
        return fields.error("ratio", "must be a number from 0 to 1, such as 0.05 for one request in twenty");
    out = *value;
}

Parent parent_named(std::string_view word) {
    if (word == "trusted") return Parent::trusted;
    return word == "ignore" ? Parent::ignore : Parent::follow;
}

}  // namespace

std::optional<Collector> parse_collector(std::string_view url) {
    Collector out;
    out.url = url;
    out.tls = url.starts_with("https://");
    if (!out.tls && !url.starts_with("http://")) return std::nullopt;
    if (!is_plain(url) || url.find_first_of("@?#") != std::string_view::npos) return std::nullopt;
    url.remove_prefix(out.tls ? 8 : 7);
    const auto slash = std::min(url.find('/'), url.size());
    auto authority = url.substr(0, slash);
    out.path = url.substr(slash);
    if (out.path.empty() || out.path == "/") out.path = "/v1/traces";
    out.port = out.tls ? 443 : 80;
    const bool v6 = authority.starts_with('[');
    const auto end = v6 ? authority.find(']') : authority.find(':');
    if (v6 && end == std::string_view::npos) return std::nullopt;
    out.host = v6 ? authority.substr(1, end - 1) : authority.substr(0, end);
    auto rest = authority.substr(std::min(v6 ? end + 1 : end, authority.size()));
    if (v6 ? !is_ip(out.host) : out.host.find_first_of("[]") != std::string::npos) return std::nullopt;
    if (out.host.empty()) return std::nullopt;
    if (rest.empty()) return out;
    rest.remove_prefix(1);
    const auto [stop, error] = std::from_chars(rest.data(), rest.data() + rest.size(), out.port);
    if (error != std::errc{} || stop != rest.data() + rest.size() || out.port == 0) return std::nullopt;
    return out;
}

void read_tracing(Fields& spec, Gateway& gateway) {
    const Node* node = spec.find("tracing");
    if (!node) return;
    Fields fields(node, spec.path_of("tracing"), spec.problems());
    Tracing tracing;
    std::string endpoint, parent = "follow", ca;
    if (fields.need_text("endpoint", endpoint)) {
        if (auto collector = parse_collector(endpoint))
            tracing.collector = std::move(*collector);
        else
            fields.error("endpoint",
                         "must be a collector's address for OTLP over HTTP, such as "
                         "\"http://127.0.0.1:4318\", not " +
                             quote(endpoint));
    }
    read_ratio(fields, tracing.ratio);
    fields.one_of("parent", parent, {"follow", "trusted", "ignore"});
    tracing.parent = parent_named(parent);
    fields.text("serviceName", tracing.service_name);
    read_headers(fields, tracing);
    fields.text("caFile", ca);
    tracing.ca_file = ca;
    if (!ca.empty() && !tracing.collector.tls && !tracing.collector.url.empty())
        fields.error("caFile", "means nothing to an http:// endpoint");
    fields.duration("interval", tracing.interval, 50ms, 60s);
    fields.duration("timeout", tracing.timeout, 100ms, 60s);
    fields.number("queue", tracing.queue, 16, 1'000'000);
    fields.close();
    gateway.tracing = std::move(tracing);
}

}  // namespace manifest
