#include "manifest/gateway.hpp"

#include <algorithm>
#include <set>

#include "manifest/access.hpp"
#include "manifest/admin.hpp"
#include "manifest/door.hpp"
#include "manifest/metadata.hpp"
#include "manifest/names.hpp"
#include "manifest/tracing.hpp"

namespace manifest {

namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t KiB = 1 << 10, MiB = 1 << 20, GiB = 1 << 30, TiB = 1ull << 40;
constexpr milliseconds one_hour = 1h, one_day = 24h, longest_silence = 10min;

void read_listener(Fields& spec, const Node& node, const std::string& path, Gateway& gateway) {
    Fields fields(&node, path, spec.problems());
    Listener listener;
    if (fields.find("tls")) listener.port = tls_port;
    read_address(fields, listener);
    read_door(fields, gateway, listener);
    fields.close();
    for (const auto& other : gateway.listeners)
        if (other.address == listener.address && other.port == listener.port)
            spec.problems().error(node.place, path + ": the same address and port as another listener");
    gateway.listeners.push_back(std::move(listener));
}

void read_listeners(Fields& spec, Gateway& gateway) {
    const Node* node = spec.find("listeners");
    if (!node) return;
    const auto path = spec.path_of("listeners");
    gateway.listeners.clear();
    const auto& items = read_list(node, path, spec.problems());
    for (const auto& item : items)
        read_listener(spec, *item, path_of_item(path, gateway.listeners.size()), gateway);
    for (std::size_t i = 0; i < items.size() && items[i]->is_map(); ++i) {
        Fields fields(items[i].get(), path_of_item(path, i), spec.problems());
        read_redirect(fields, gateway, gateway.listeners[i]);
    }
    if (node->is_list() && node->items.empty())
        spec.error("listeners", "must have a listener; leave the field out for 0.0.0.0:8080");
}

void read_domains(Fields& spec, Gateway& gateway) {
    const Node* node = spec.find("domains");
    if (!node) return;
    spec.texts("domains", gateway.domains);
    std::set<std::string> seen;
    for (const auto& domain : gateway.domains) {
        if (const auto reason = not_dns1123_subdomain(domain); !reason.empty())
            spec.error("domains", quote(domain) + ": " + reason);
        if (!seen.insert(domain).second) spec.error("domains", quote(domain) + " is there twice");
    }
}

void read_trusted(Fields& spec, Gateway& gateway) {
    spec.texts("trustedProxies", gateway.trusted_proxies);
    for (const auto& network : gateway.trusted_proxies)
        if (!is_network(network))
            spec.error("trustedProxies", quote(network) + " is no network such as \"10.0.0.0/8\" or \"::1\"");
}

void read_path(Fields& spec, std::string_view name, std::filesystem::path& out) {
    std::string text;
    spec.text(name, text);
    if (!text.empty()) out = text;
}

void size(Fields& fields, std::string_view name, std::size_t& out, std::uint64_t low, std::uint64_t high) {
    std::uint64_t value = out;
    fields.size(name, value, low, high);
    out = value;
}

void read_limits(Fields& spec, Limits& limits) {
    Fields fields(spec.find("limits"), spec.path_of("limits"), spec.problems());
    size(fields, "headBytes", limits.head_bytes, KiB, MiB);
    fields.number("headFields", limits.head_fields, 10, 1000);
    fields.size("bodyBytes", limits.body_bytes, KiB, 64 * GiB);
    size(fields, "bodyMemory", limits.body_memory, 4 * KiB, GiB);
    fields.size("responseBytes", limits.response_bytes, MiB, TiB);
    size(fields, "responseMemory", limits.response_memory, 4 * KiB, GiB);
    fields.number("connections", limits.connections, 1, 1'000'000);
    fields.number("http2Streams", limits.http2_streams, 1, 1'000);
    fields.number("http2Resets", limits.http2_resets, 1, 1'000'000);
    fields.number("http2ControlFrames", limits.http2_control_frames, 10, 1'000'000);
    fields.size("spoolMemory", limits.spool_memory, 0, TiB);
    fields.size("spoolDisk", limits.spool_disk, 0, 1024 * TiB);
    fields.number("connectionsPerPeer", limits.connections_per_peer, 0, 1'000'000);
    fields.size("bodyRate", limits.body_rate, 0, GiB);
    fields.size("memory", limits.memory, 0, 1024 * TiB);
    if (limits.memory != 0 && limits.memory < 16 * MiB)
        fields.error("memory", "must be 16Mi at least, or 0 for half of what the machine has");
    fields.close();
}

void read_timeouts(Fields& spec, Timeouts& timeouts) {
    Fields fields(spec.find("timeouts"), spec.path_of("timeouts"), spec.problems());
    fields.duration("head", timeouts.head, 100ms, one_hour);
    fields.duration("keepAlive", timeouts.keep_alive, 100ms, one_day);
    fields.duration("body", timeouts.body, 100ms, one_hour);
    fields.duration("write", timeouts.write, 100ms, one_hour);
    fields.duration("connect", timeouts.connect, 10ms, one_hour);
    fields.duration("drain", timeouts.drain, 0ms, one_day);
    fields.duration("tunnel", timeouts.tunnel, 1s, 7 * one_day);
    fields.duration("startupSilence", timeouts.startup_silence, 0ms, longest_silence);
    fields.duration("handshake", timeouts.handshake, 100ms, one_hour);
    fields.duration("ticketKey", timeouts.ticket_key, 1s, 7 * one_day);
    fields.close();
}

void read_log_levels(Fields& log, Log& out) {
    const Node* node = log.find("levels");
    if (!node) return;
    Fields fields(node, log.path_of("levels"), log.problems());
    for (const auto subsystem : log_subsystems) {
        if (!fields.find(subsystem)) continue;
        std::string level = "info";
        fields.one_of(subsystem, level, log_levels);
        out.levels[std::string(subsystem)] = level;
    }
    fields.close();
}

void read_log(Fields& spec, Log& log) {
    Fields fields(spec.find("log"), spec.path_of("log"), spec.problems());
    fields.one_of("level", log.level, log_levels);
    read_log_levels(fields, log);
    fields.one_of("format", log.format, {"auto", "text", "json"});
    if (const Node* access = fields.find("access"); access && access->is_scalar() && access->text == "off")
        log.access = "off";
    else
        fields.text("access", log.access);
    fields.text("audit", log.audit);
    fields.close();
}

void read_default_service(Fields& spec, PlacedGateway& gateway) {
    if (!spec.find("defaultService")) return;
    std::string name;
    spec.text("defaultService", name);
    if (name.find('/') == std::string::npos) name.insert(0, "default/");
    gateway.default_service = spec.place_of("defaultService");
    if (const auto reason = not_service_name(name); !reason.empty())
        return spec.error("defaultService", reason);
    gateway.value.default_service = name;
}

}  // namespace

std::string not_service_name(std::string_view text) {
    const auto slash = text.find('/');
    if (slash == std::string_view::npos || !not_dns1123_label(text.substr(0, slash)).empty() ||
        !not_dns1035_label(text.substr(slash + 1)).empty())
        return "must be \"namespace/name\" of a Service, not " + quote(text);
    return {};
}

PlacedGateway read_gateway(const Node& document, Problems& problems) {
    PlacedGateway placed;
    auto& gateway = placed.value;
    Fields fields(&document, "", problems);
    fields.accept({"apiVersion", "kind", "status"});
    placed.place = document.place;
    // One Gateway needs no name.
    if (const Node* metadata = fields.find("metadata"))
        placed.place = read_metadata(metadata, document, "metadata", problems).name_place;
    Fields spec(fields.find("spec"), "spec", problems);
    read_trusted(spec, gateway);
    read_listeners(spec, gateway);
    read_admin(spec, gateway);
    read_domains(spec, gateway);
    read_default_service(spec, placed);
    spec.number("workers", gateway.workers, 0, 256);
    read_path(spec, "stateDir", gateway.state_dir);
    read_path(spec, "cookieKeyFile", gateway.cookie_key_file);
    read_limits(spec, gateway.limits);
    read_timeouts(spec, gateway.timeouts);
    gateway.driver = read_driver(spec.find("driver"), placed, problems);
    read_log(spec, gateway.log);
    read_access(spec, gateway);
    read_tracing(spec, gateway);
    spec.close();
    fields.close();
    return placed;
}

}  // namespace manifest
