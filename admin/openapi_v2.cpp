#include "admin/openapi_v2.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <cstdint>
#include <span>

#include "admin/openapi_schemas.hpp"
#include "admin/resources.hpp"
#include "manifest/ignored.hpp"

namespace admin {
namespace {

namespace json = boost::json;
using FieldNames = std::span<const std::string_view>;

// A message of Protocol Buffers, of texts and other messages alone: wire type 2 ("Encoding", protobuf.dev).
class Message {
public:
    Message& text(std::uint32_t field, std::string_view value) {
        varint(field << 3 | 2);
        varint(value.size());
        octets_ += value;
        return *this;
    }
    Message& message(std::uint32_t field, const Message& value) { return text(field, value.octets_); }
    std::string take() { return std::move(octets_); }

private:
    void varint(std::uint64_t value) {
        for (; value >= 0x80; value >>= 7) octets_ += static_cast<char>(value | 0x80);
        octets_ += static_cast<char>(value);
    }
    std::string octets_;
};

// Fields that kubectl would call unknown and that a manifest may have: what means nothing here, or is the
// server's to write. Without a type anything goes.
constexpr std::string_view metadata_names[] = {
    "generateName",  "deletionTimestamp", "deletionGracePeriodSeconds", "finalizers", "ownerReferences",
    "managedFields", "selfLink"};
constexpr std::string_view template_metadata_names[] = {"creationTimestamp", "namespace"};
constexpr std::string_view more_pod_names[] = {"enableServiceLinks", "volumes", "initContainers"};
constexpr std::string_view more_container_names[] = {"envFrom", "volumeMounts"};
constexpr std::string_view probe_names[] = {"grpc", "terminationGracePeriodSeconds"};
constexpr std::string_view env_names[] = {"valueFrom"};
constexpr std::string_view port_names[] = {"hostPort", "hostIP"};
constexpr std::string_view resources_names[] = {"claims"};
constexpr std::string_view action_names[] = {"host"};
constexpr std::string_view traffic_names[] = {"configurationName", "url"};
constexpr std::string_view ref_names[] = {"namespace", "group"};
constexpr std::string_view mapping_names[] = {"tls"};
constexpr std::string_view status_names[] = {"status"};

// The schema at a path, "[]" being what is in a list; null: there is none.
json::object* schema_at(json::object& root, std::string_view path) {
    json::object* here = &root;
    while (here != nullptr && !path.empty()) {
        const auto dot = path.find('.');
        auto name = path.substr(0, dot);
        path = dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1);
        const bool list = name.ends_with("[]");
        if (list) name.remove_suffix(2);
        auto* properties = here->if_contains("properties");
        auto* found = properties != nullptr ? properties->as_object().if_contains(name) : nullptr;
        if (found != nullptr && list) found = found->as_object().if_contains("items");
        here = found != nullptr ? &found->as_object() : nullptr;
    }
    return here;
}

void tolerate(json::object& root, std::string_view path, FieldNames names) {
    auto* here = schema_at(root, path);
    if (here == nullptr || !here->contains("properties")) return;
    auto& properties = (*here)["properties"].as_object();
    for (const auto name : names)
        if (!properties.contains(name)) properties[name].emplace_object();
}

void tolerate_all(json::object& root) {
    tolerate(root, "metadata", metadata_names);
    tolerate(root, "spec.template.metadata", template_metadata_names);
    for (const std::string pod : {"spec", "spec.template.spec"}) {
        if (schema_at(root, pod + ".containers[]") == nullptr) continue;
        tolerate(root, pod, manifest::ignored_pod_fields);
        tolerate(root, pod, more_pod_names);
        const auto container = pod + ".containers[]";
        tolerate(root, container, manifest::ignored_container_fields);
        tolerate(root, container, more_container_names);
        tolerate(root, container + ".env[]", env_names);
        tolerate(root, container + ".ports[]", port_names);
        tolerate(root, container + ".resources", resources_names);
        for (const std::string probe : {".readinessProbe", ".livenessProbe", ".startupProbe"}) {
            tolerate(root, container + probe, probe_names);
            for (const std::string action : {".tcpSocket", ".httpGet"})
                tolerate(root, container + probe + action, action_names);
        }
    }
    tolerate(root, "spec.traffic[]", traffic_names);
    tolerate(root, "spec.ref", ref_names);
    tolerate(root, "spec", mapping_names);
    tolerate(root, "", status_names);
}

Message named(std::string_view name, const Message& value) {
    Message out;
    return out.text(1, name).message(2, value);
}

Message extension(std::string_view yaml) {
    Message any;
    return named("x-kubernetes-group-version-kind", any.text(2, yaml));
}

Message schema(const json::object& from);

Message wrapped(const json::value& inner) {
    Message out;
    return out.message(1, schema(inner.as_object()));
}

// message Schema. Of a map with known keys, as annotations are, kubectl would take no others: their names go
// into the description.
Message schema(const json::object& from) {
    Message out;
    const auto* map = from.if_contains("additionalProperties");
    const auto* properties = from.if_contains("properties");
    std::string description;
    if (const auto* said = from.if_contains("description")) description = said->as_string();
    if (map != nullptr && properties != nullptr)
        for (const auto& [key, known] : properties->as_object())
            description +=
                "\n\n" + std::string(key) + ": " + std::string(known.at("description").as_string());
    if (from.contains("x-kubernetes-int-or-string")) out.text(2, "int-or-string");
    if (!description.empty()) out.text(4, description);
    if (map != nullptr) out.message(21, wrapped(*map));
    if (const auto* type = from.if_contains("type")) {
        Message types;
        out.message(22, types.text(1, type->as_string()));
    }
    if (const auto* items = from.if_contains("items")) out.message(23, wrapped(*items));
    if (properties != nullptr && map == nullptr) {
        Message all;
        for (const auto& [key, value] : properties->as_object())
            all.message(1, named(key, schema(value.as_object())));
        out.message(25, all);
    }
    return out;
}

std::string yaml_of(const Resource& resource, std::string_view first, std::string_view further) {
    std::string out(first);
    out += "group: \"" + std::string(resource.group) + "\"\n";
    out += std::string(further) + "kind: " + std::string(resource.kind) + "\n";
    out += std::string(further) + "version: " + std::string(resource.version) + "\n";
    return out;
}

Message definition(const Resource& resource) {
    auto described = schema_of(resource.group, resource.kind);
    described["type"] = "object";
    tolerate_all(described);
    auto out = schema(described);
    return out.message(31, extension(yaml_of(resource, "- ", "  ")));
}

// Of a query: message ParametersItem in Parameter in NonBodyParameter in QueryParameterSubSchema.
Message query_parameter(std::string_view name) {
    Message query, non_body, parameter, item;
    query.text(2, "query").text(4, name).text(6, "string");
    return item.message(1, parameter.message(2, non_body.message(3, query)));
}

Message path_of(const Resource& resource) {
    Message operation, path;
    for (const auto* name : {"dryRun", "fieldManager", "fieldValidation", "force"})
        operation.message(8, query_parameter(name));
    operation.message(13, extension(yaml_of(resource, "", "")));
    return path.message(8, operation);
}

std::string document() {
    Message out, info, paths, definitions;
    for (const auto& resource : resources()) {
        const std::string version(resource.version), kind(resource.kind);
        const auto group = resource.group.empty() ? std::string("core") : std::string(resource.group);
        definitions.message(1, named(group + "." + version + "." + kind, definition(resource)));
        if (resource.immutable) continue;
        const auto root = (resource.group.empty() ? "/api/" : "/apis/" + group + "/") + version;
        const auto place = resource.namespaced ? "/namespaces/{namespace}/" : "/";
        paths.message(2, named(root + place + std::string(resource.plural) + "/{name}", path_of(resource)));
    }
    info.text(1, "Pilotlight").text(2, PILOTLIGHT_VERSION);
    return out.text(1, "2.0").message(2, info).message(8, paths).message(9, definitions).take();
}

}  // namespace

const std::string& openapi_v2() {
    static const std::string made = document();
    return made;
}

}  // namespace admin
