#include "admin/write_object.hpp"

#include <fmt/format.h>

#include "admin/given.hpp"

namespace admin {
namespace {

Answer conflict(const Write& write, std::string_view why) {
    return refuse_object(409, "Conflict", write,
                         fmt::format("Operation cannot be fulfilled on {} \"{}\": {}",
                                     full_name(*write.resource), write.name, why));
}

// What other clients rely on when they read the object.
std::string_view misshapen(const json::object& metadata) {
    for (const std::string_view name : {"labels", "annotations"})
        if (const auto* value = metadata.if_contains(name);
            value != nullptr && !value->is_object() && !value->is_null())
            return name;
    for (const std::string_view name : {"finalizers", "ownerReferences", "managedFields"})
        if (const auto* value = metadata.if_contains(name);
            value != nullptr && !value->is_array() && !value->is_null())
            return name;
    if (const auto* entries = find(metadata, {"managedFields"}); entries != nullptr && entries->is_array())
        for (const auto& entry : entries->get_array())
            if (text(entry, {"manager"}).empty() || find(entry, {"fieldsV1"}) == nullptr)
                return "managedFields";
    return {};
}

}  // namespace

Current look_up(const Write& write, const World& world) {
    Current out;
    out.view = given(world.snapshot, write.resource->kind, write.name_space, write.name);
    if (out.view != nullptr) out.stored = world.store.find(*write.resource, write.name_space, write.name);
    if (!out.stored) return out;
    out.shown = whole_object(*write.resource, *out.stored);
    out.shown.erase("status");
    return out;
}

Answer not_there(const Write& write) {
    return refuse_object(404, "NotFound", write,
                         fmt::format("{} \"{}\" not found", full_name(*write.resource), write.name));
}

Answer from_a_file(const Write& write, const Current& now) {
    return refuse_object(
        403, "Forbidden", write,
        fmt::format("{} \"{}\" is forbidden: it comes from {}: change it there and reload",
                    full_name(*write.resource), write.name,
                    now.view->source.starts_with("file ") ? now.view->source.substr(5) : now.view->source));
}

Wish wish_for(const Write& write) {
    Wish out;
    out.api_version = api_version(*write.resource);
    out.kind = write.resource->kind;
    out.name_space = write.name_space;
    out.name = write.name;
    out.dry_run = write.dry_run;
    return out;
}

Manager manager_of(const Write& write, const World& world) {
    return {write.manager, write.subresource, api_version(*write.resource), rfc3339(world.now)};
}

std::string_view meta(const json::object& object, std::string_view name) {
    return text(object, {"metadata", name});
}

json::object& metadata_of(json::object& object) {
    auto& value = object["metadata"];
    if (!value.is_object()) value = json::object();
    return value.get_object();
}

void take_annotation(json::object& object, std::string_view name) {
    auto& metadata = metadata_of(object);
    auto* annotations = metadata.if_contains("annotations");
    if (annotations == nullptr || !annotations->is_object()) return;
    annotations->get_object().erase(name);
    if (annotations->get_object().empty()) metadata.erase("annotations");
}

void put_annotation(json::object& object, std::string_view name, std::string_view value) {
    auto& annotations = metadata_of(object)["annotations"];
    if (!annotations.is_object()) annotations = json::object();
    annotations.get_object()[name] = value;
}

bool same_but_for_bookkeeping(json::object a, json::object b) {
    for (auto* object : {&a, &b}) {
        auto& metadata = metadata_of(*object);
        for (const std::string_view name : {"managedFields", "resourceVersion", "generation"})
            metadata.erase(name);
    }
    return same(a, b);
}

std::optional<Answer> check_identity(Write& write, const json::object& next) {
    const auto* metadata = next.if_contains("metadata");
    if (metadata == nullptr || !metadata->is_object())
        return refuse(400, "BadRequest", "the object has no metadata");
    if (const auto field = misshapen(metadata->get_object()); !field.empty())
        return refuse(400, "BadRequest", fmt::format("metadata.{}: is not what it should be", field));
    const auto wanted = api_version(*write.resource);
    if (text(next, {"kind"}) != write.resource->kind || text(next, {"apiVersion"}) != wanted)
        return refuse(400, "BadRequest",
                      fmt::format("the object must be a {} of {}, as the request's path says",
                                  write.resource->kind, wanted));
    if (const auto name_space = meta(next, "namespace");
        !name_space.empty() && name_space != write.name_space)
        return refuse(
            400, "BadRequest",
            "the namespace of the provided object does not match the namespace sent on the request");
    const auto name = meta(next, "name");
    if (write.name.empty()) write.name = name;
    if (name.empty() || name != write.name)
        return refuse(400, "BadRequest",
                      name.empty()
                          ? std::string("metadata.name: is required, or generateName for a new object")
                          : fmt::format("the name of the object ({}) does not match the name on the URL ({})",
                                        name.substr(0, 100), write.name));
    return std::nullopt;
}

std::optional<Answer> check_preconditions(const Write& write, const Current& now, std::string_view uid,
                                          std::string_view version) {
    if (!uid.empty() && uid != meta(now.shown, "uid"))
        return conflict(write,
                        fmt::format("Precondition failed: UID in precondition: {}, UID in object meta: {}",
                                    uid.substr(0, 100), meta(now.shown, "uid")));
    if (!version.empty() && version != meta(now.shown, "resourceVersion"))
        return conflict(write,
                        "the object has been modified; please apply your changes to the latest version and "
                        "try again");
    return std::nullopt;
}

}  // namespace admin
