#include "admin/discovery.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <vector>

#include "admin/resources.hpp"

namespace admin {
namespace {

// What hangs below a resource: kubectl logs, kubectl scale.
struct Subresource {
    std::string_view name, group, version, kind;
    std::vector<std::string_view> verbs;
};

bool changeable(const Resource& resource) {
    return resource.plural == "domainmappings" ||
           (resource.plural == "services" && resource.group == "serving.knative.dev");
}

json::array texts(const auto& all) {
    json::array out;
    for (const auto& one : all) out.emplace_back(std::string_view(one));
    return out;
}

json::array verbs(const Resource& resource) {
    if (changeable(resource))
        return {"create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"};
    return {"get", "list", "watch"};
}

json::array categories(const Resource& resource) {
    if (resource.immutable || !resource.namespaced) return {};
    if (resource.group.empty()) return {"all"};
    return {"all", "knative", "serving"};
}

std::vector<Subresource> subresources(const Resource& resource) {
    if (resource.group.empty() && resource.plural == "pods") return {{"log", "", "v1", "Pod", {"get"}}};
    if (resource.plural == "services" && changeable(resource))
        return {{"scale", "autoscaling", "v1", "Scale", {"get", "patch", "update"}}};
    return {};
}

json::object versions() {
    json::object out;
    out["kind"] = "APIVersions";
    out["versions"] = {"v1"};
    return out;
}

json::object version_of(const Resource& resource) {
    json::object out;
    out["groupVersion"] = api_version(resource);
    out["version"] = resource.version;
    return out;
}

// Resources of a group stand together, and of a version within it; the first version is the preferred one.
std::vector<std::string_view> group_names() {
    std::vector<std::string_view> out;
    for (const auto& resource : resources())
        if (!resource.group.empty() && std::ranges::find(out, resource.group) == out.end())
            out.push_back(resource.group);
    return out;
}

std::vector<const Resource*> first_of_versions(std::string_view group) {
    std::vector<const Resource*> out;
    for (const auto& resource : resources())
        if (resource.group == group && std::ranges::none_of(out, [&](const Resource* known) {
                return known->version == resource.version;
            }))
            out.push_back(&resource);
    return out;
}

json::object group(std::string_view name) {
    json::object out;
    json::array all;
    for (const auto* resource : first_of_versions(name)) all.emplace_back(version_of(*resource));
    out["name"] = name;
    out["preferredVersion"] = all.front();
    out["versions"] = std::move(all);
    return out;
}

json::object groups() {
    json::object out;
    json::array all;
    for (const auto name : group_names()) all.emplace_back(group(name));
    out["kind"] = "APIGroupList";
    out["apiVersion"] = "v1";
    out["groups"] = std::move(all);
    return out;
}

std::optional<json::object> one_group(std::string_view name) {
    const auto known = group_names();
    if (std::ranges::find(known, name) == known.end()) return std::nullopt;
    auto out = group(name);
    out["kind"] = "APIGroup";
    out["apiVersion"] = "v1";
    return out;
}

std::optional<json::object> resource_list(std::string_view group_version) {
    json::array all;
    for (const auto& resource : resources()) {
        if (api_version(resource) != group_version) continue;
        json::object one;
        one["name"] = resource.plural;
        one["singularName"] = resource.singular;
        one["namespaced"] = resource.namespaced;
        one["kind"] = resource.kind;
        one["verbs"] = verbs(resource);
        one["shortNames"] = texts(resource.short_names);
        if (auto in = categories(resource); !in.empty()) one["categories"] = std::move(in);
        all.emplace_back(std::move(one));
        for (const auto& below : subresources(resource)) {
            json::object two;
            two["name"] = std::string(resource.plural) + "/" + std::string(below.name);
            two["singularName"] = "";
            two["namespaced"] = resource.namespaced;
            if (!below.group.empty()) {
                two["group"] = below.group;
                two["version"] = below.version;
            }
            two["kind"] = below.kind;
            two["verbs"] = texts(below.verbs);
            all.emplace_back(std::move(two));
        }
    }
    if (all.empty()) return std::nullopt;
    json::object out;
    out["kind"] = "APIResourceList";
    out["apiVersion"] = "v1";
    out["groupVersion"] = group_version;
    out["resources"] = std::move(all);
    return out;
}

json::object kind_named(std::string_view group, std::string_view version, std::string_view kind) {
    json::object out;
    out["group"] = group;
    out["version"] = version;
    out["kind"] = kind;
    return out;
}

json::object described(const Resource& resource) {
    json::object out;
    out["resource"] = resource.plural;
    out["responseKind"] = kind_named(resource.group, resource.version, resource.kind);
    out["scope"] = resource.namespaced ? "Namespaced" : "Cluster";
    out["singularResource"] = resource.singular;
    out["verbs"] = verbs(resource);
    out["shortNames"] = texts(resource.short_names);
    if (auto in = categories(resource); !in.empty()) out["categories"] = std::move(in);
    json::array below;
    for (const auto& one : subresources(resource)) {
        json::object sub;
        sub["subresource"] = one.name;
        sub["responseKind"] = kind_named(one.group, one.version, one.kind);
        sub["verbs"] = texts(one.verbs);
        below.emplace_back(std::move(sub));
    }
    if (!below.empty()) out["subresources"] = std::move(below);
    return out;
}

json::object group_discovery(std::string_view name) {
    json::object out, meta;
    json::array all;
    for (const auto* first : first_of_versions(name)) {
        json::object one;
        json::array here;
        for (const auto& resource : resources())
            if (resource.group == name && resource.version == first->version)
                here.emplace_back(described(resource));
        one["version"] = first->version;
        one["resources"] = std::move(here);
        one["freshness"] = "Current";
        all.emplace_back(std::move(one));
    }
    if (!name.empty()) meta["name"] = name;
    meta["creationTimestamp"] = nullptr;
    out["metadata"] = std::move(meta);
    out["versions"] = std::move(all);
    return out;
}

json::object version() {
    json::object out;
    out["major"] = "1";
    out["minor"] = "32";  // the Kubernetes whose API this is a part of: kubectl compares it with its own
    out["gitVersion"] = "v1.32.0+pilotlight-" PILOTLIGHT_VERSION;
    out["platform"] = "linux/amd64";
    return out;
}

}  // namespace

std::optional<json::object> discovery(std::string_view path) {
    if (path == "/version") return version();
    if (path == "/api") return versions();
    if (path == "/apis") return groups();
    if (path.starts_with("/api/")) return resource_list(path.substr(5));
    if (!path.starts_with("/apis/")) return std::nullopt;
    const auto rest = path.substr(6);
    return rest.find('/') == std::string_view::npos ? one_group(rest) : resource_list(rest);
}

std::optional<json::object> aggregated_discovery(std::string_view path, std::string_view accept) {
    if ((path != "/api" && path != "/apis") || accept.find(aggregated_type) == std::string_view::npos)
        return std::nullopt;
    json::object out;
    json::array items;
    if (path == "/api") items.emplace_back(group_discovery(""));
    if (path == "/apis")
        for (const auto name : group_names()) items.emplace_back(group_discovery(name));
    out["kind"] = "APIGroupDiscoveryList";
    out["apiVersion"] = "apidiscovery.k8s.io/v2";
    out["metadata"] = json::object();
    out["items"] = std::move(items);
    return out;
}

}  // namespace admin
