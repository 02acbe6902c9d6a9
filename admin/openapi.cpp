#include "admin/openapi.hpp"

#include <boost/json/array.hpp>
#include <set>

#include "admin/openapi_schemas.hpp"
#include "admin/resources.hpp"

namespace admin {
namespace {

// "api/v1", "apis/serving.knative.dev/v1".
std::string root_of(const Resource& resource) {
    return (resource.group.empty() ? "api/" : "apis/") + api_version(resource);
}

json::object index() {
    json::object out, paths;
    for (const auto& resource : resources()) {
        json::object one;
        one["serverRelativeURL"] = "/openapi/v3/" + root_of(resource) + "?hash=" PILOTLIGHT_VERSION;
        paths[root_of(resource)] = std::move(one);
    }
    out["paths"] = std::move(paths);
    return out;
}

json::object kind_of(const Resource& resource) {
    json::object out;
    out["group"] = resource.group;
    out["version"] = resource.version;
    out["kind"] = resource.kind;
    return out;
}

json::object parameter_named(std::string_view name, std::string_view in, std::string_view description) {
    json::object out, text;
    text["type"] = "string";
    out["name"] = name;
    out["in"] = in;
    out["description"] = description;
    if (in == "path") out["required"] = true;
    if (in == "query") text["uniqueItems"] = true;
    out["schema"] = std::move(text);
    return out;
}

std::string schema_name(const Resource& resource) {
    return (resource.group.empty() ? std::string("core") : std::string(resource.group)) + "." +
           std::string(resource.version) + "." + std::string(resource.kind);
}

json::object operation(const Resource& resource, std::string_view action) {
    json::object out, ok, responses, content, media, schema;
    schema["$ref"] = "#/components/schemas/" + schema_name(resource);
    media["schema"] = std::move(schema);
    content["application/json"] = std::move(media);
    ok["description"] = "OK";
    ok["content"] = std::move(content);
    responses["200"] = std::move(ok);
    out["responses"] = std::move(responses);
    out["x-kubernetes-action"] = action;
    out["x-kubernetes-group-version-kind"] = kind_of(resource);
    return out;
}

json::object patch(const Resource& resource) {
    auto out = operation(resource, "patch");
    out["parameters"] =
        json::array{parameter_named("dryRun", "query", "All: check, and change nothing"),
                    parameter_named("fieldManager", "query", "Who changes it"),
                    parameter_named("fieldValidation", "query",
                                    "Ignore, Warn or Strict: what unknown fields are met with"),
                    parameter_named("force", "query", "Server-side apply: take over what others have set")};
    json::object body, content, any;
    for (const auto* type :
         {"application/merge-patch+json", "application/json-patch+json", "application/apply-patch+yaml"})
        content[type] = any;
    body["content"] = std::move(content);
    body["required"] = true;
    out["requestBody"] = std::move(body);
    return out;
}

void add_paths(json::object& paths, const Resource& resource) {
    const auto base = "/" + root_of(resource) + (resource.namespaced ? "/namespaces/{namespace}/" : "/") +
                      std::string(resource.plural);
    json::object all, one;
    json::array names;
    if (resource.namespaced) names.emplace_back(parameter_named("namespace", "path", "Its namespace"));
    all["get"] = operation(resource, "list");
    all["parameters"] = names;
    names.emplace_back(parameter_named("name", "path", "Its name"));
    one["get"] = operation(resource, "get");
    if (!resource.immutable) one["patch"] = patch(resource);
    one["parameters"] = std::move(names);
    paths[base] = std::move(all);
    paths[base + "/{name}"] = std::move(one);
}

}  // namespace

std::optional<json::object> openapi_v3(std::string_view path) {
    constexpr std::string_view root = "/openapi/v3";
    if (path == root) return index();
    if (!path.starts_with("/openapi/v3/")) return std::nullopt;
    const auto wanted = path.substr(root.size() + 1);
    json::object out, info, paths, schemas, components;
    for (const auto& resource : resources()) {
        if (root_of(resource) != wanted) continue;
        add_paths(paths, resource);
        auto schema = schema_of(resource.group, resource.kind);
        schema["x-kubernetes-group-version-kind"] = json::array{kind_of(resource)};
        schemas[schema_name(resource)] = std::move(schema);
    }
    if (paths.empty()) return std::nullopt;
    info["title"] = "Pilotlight";
    info["version"] = PILOTLIGHT_VERSION;
    components["schemas"] = std::move(schemas);
    out["openapi"] = "3.0.0";
    out["info"] = std::move(info);
    out["paths"] = std::move(paths);
    out["components"] = std::move(components);
    return out;
}

}  // namespace admin
