#include "admin/discovery.hpp"

#include <boost/json/array.hpp>

#include "admin/resources.hpp"

namespace admin {
namespace {

json::object versions() {
    json::object out;
    out["kind"] = "APIVersions";
    out["versions"] = {"v1"};
    return out;
}

json::object group(const Resource& resource) {
    json::object out, version;
    version["groupVersion"] = api_version(resource);
    version["version"] = resource.version;
    out["name"] = resource.group;
    out["versions"] = json::array{version};
    out["preferredVersion"] = std::move(version);
    return out;
}

json::object groups() {
    json::object out;
    json::array all;
    std::string_view last;
    for (const auto& resource : resources()) {
        if (resource.group == last) continue;  // resources of a group stand together, the core first
        last = resource.group;
        all.emplace_back(group(resource));
    }
    out["kind"] = "APIGroupList";
    out["apiVersion"] = "v1";
    out["groups"] = std::move(all);
    return out;
}

std::optional<json::object> one_group(std::string_view name) {
    for (const auto& resource : resources())
        if (!name.empty() && resource.group == name) {
            auto out = group(resource);
            out["kind"] = "APIGroup";
            out["apiVersion"] = "v1";
            return out;
        }
    return std::nullopt;
}

std::optional<json::object> resource_list(std::string_view group_version) {
    json::array all;
    for (const auto& resource : resources()) {
        if (api_version(resource) != group_version) continue;
        json::object one;
        json::array short_names;
        for (const auto name : resource.short_names) short_names.emplace_back(name);
        one["name"] = resource.plural;
        one["singularName"] = resource.singular;
        one["namespaced"] = true;
        one["kind"] = resource.kind;
        one["verbs"] = {"get", "list", "watch"};
        one["shortNames"] = std::move(short_names);
        if (!resource.immutable) one["categories"] = {"all"};
        all.emplace_back(std::move(one));
    }
    if (all.empty()) return std::nullopt;
    json::object out;
    out["kind"] = "APIResourceList";
    out["apiVersion"] = "v1";
    out["groupVersion"] = group_version;
    out["resources"] = std::move(all);
    return out;
}

json::object version() {
    json::object out;
    out["major"] = "1";
    out["minor"] = "0";
    out["gitVersion"] = "v" PILOTLIGHT_VERSION;
    out["platform"] = "linux";
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

}  // namespace admin
