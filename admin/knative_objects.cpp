#include "admin/knative_objects.hpp"

#include <fmt/format.h>

#include <set>

#include "admin/objects.hpp"

namespace admin {
namespace {

// FNV-1a, http://www.isthe.com/chongo/tech/comp/fnv/
std::uint64_t hash(std::uint64_t state, std::string_view text) {
    for (const char c : text) state = (state ^ static_cast<unsigned char>(c)) * 1099511628211ull;
    return (state ^ 0x1ffu) * 1099511628211ull;
}

// What belongs to a service, with the service as its owner.
Item derived(const Item& service, std::string_view kind) {
    Item out{service.name_space, service.name, service.created, {}, {}};
    const auto& of_service = service.object.at("metadata").as_object();
    json::object meta, owner, labels;
    meta["name"] = service.name;
    meta["namespace"] = service.name_space;
    meta["creationTimestamp"] = rfc3339(service.created);
    meta["uid"] = uid_of({kind, service.name_space, service.name, rfc3339(service.created)});
    if (const auto* generation = of_service.if_contains("generation")) meta["generation"] = *generation;
    labels["serving.knative.dev/service"] = service.name;
    meta["labels"] = std::move(labels);
    owner["apiVersion"] = "serving.knative.dev/v1";
    owner["kind"] = "Service";
    owner["name"] = service.name;
    if (const auto* uid = of_service.if_contains("uid")) owner["uid"] = *uid;
    owner["controller"] = owner["blockOwnerDeletion"] = true;
    meta["ownerReferences"] = json::array{std::move(owner)};
    out.object["metadata"] = std::move(meta);
    return out;
}

const json::value* field(const Item& item, std::string_view part, std::string_view name) {
    const auto* inside = item.object.if_contains(part);
    return inside == nullptr || !inside->is_object() ? nullptr : inside->as_object().if_contains(name);
}

void copy(const Item& from, Item& to, std::string_view part, std::initializer_list<std::string_view> names) {
    auto& inside = to.object[part];
    if (!inside.is_object()) inside.emplace_object();
    for (const auto name : names)
        if (const auto* value = field(from, part, name)) inside.as_object()[name] = *value;
}

const json::object* condition_of(const Item& item, std::string_view type) {
    const auto* all = field(item, "status", "conditions");
    if (all != nullptr)
        for (const auto& one : all->as_array())
            if (one.at("type").as_string() == type) return &one.as_object();
    return nullptr;
}

void take_condition(const Item& service, Item& out, std::string_view theirs) {
    const auto* condition = condition_of(service, theirs);
    json::object ours;
    if (condition != nullptr) ours = *condition;
    ours["type"] = "Ready";
    const auto* reason = ours.if_contains("reason");
    out.cells.emplace_back(condition == nullptr ? json::value("Unknown") : ours["status"]);
    out.cells.emplace_back(reason == nullptr ? json::value("") : *reason);
    out.object["status"].as_object()["conditions"] = json::array{std::move(ours)};
}

json::value cell(const Item& item, std::string_view name) {
    const auto* value = field(item, "status", name);
    return value == nullptr ? json::value("") : *value;
}

}  // namespace

Item configuration_item(const Item& service) {
    auto out = derived(service, "Configuration");
    copy(service, out, "spec", {"template"});
    copy(service, out, "status",
         {"latestCreatedRevisionName", "latestReadyRevisionName", "observedGeneration"});
    out.cells.emplace_back(out.name);
    out.cells.emplace_back(cell(out, "latestCreatedRevisionName"));
    out.cells.emplace_back(cell(out, "latestReadyRevisionName"));
    take_condition(service, out, "ConfigurationsReady");
    return out;
}

Item route_item(const Item& service) {
    auto out = derived(service, "Route");
    copy(service, out, "spec", {"traffic"});
    copy(service, out, "status", {"url", "address", "traffic", "observedGeneration"});
    out.cells.emplace_back(out.name);
    out.cells.emplace_back(cell(out, "url"));
    take_condition(service, out, "RoutesReady");
    return out;
}

std::vector<std::string> namespaces_of(const Snapshot& snapshot) {
    std::set<std::string> names{"default"};
    const auto add = [&](const auto& all) {
        for (const auto& one : all)
            if (!one.name_space.empty()) names.insert(one.name_space);
    };
    add(snapshot.revisions);
    add(snapshot.pods);
    if (snapshot.objects) add(*snapshot.objects);
    return {names.begin(), names.end()};
}

Item namespace_item(const std::string& name) {
    Item out{"", name, {}, {}, {}};
    json::object meta, labels, status;
    labels["kubernetes.io/metadata.name"] = name;
    meta["name"] = name;
    meta["uid"] = uid_of({"Namespace", name});
    meta["labels"] = std::move(labels);
    status["phase"] = "Active";
    out.object["metadata"] = std::move(meta);
    out.object["spec"] = json::object();
    out.object["status"] = std::move(status);
    out.cells.emplace_back(name);
    out.cells.emplace_back("Active");
    out.cells.emplace_back(nullptr);
    return out;
}

Item new_event_item(const proxy::EventView& event) {
    auto out = event_item(event);
    auto& object = out.object;
    object["regarding"] = std::move(object["involvedObject"]);
    object["note"] = std::move(object["message"]);
    object["deprecatedSource"] = std::move(object["source"]);
    object["deprecatedFirstTimestamp"] = object["firstTimestamp"];
    object["deprecatedLastTimestamp"] = object["lastTimestamp"];
    object["deprecatedCount"] = object["count"];
    for (const auto* name :
         {"involvedObject", "message", "source", "firstTimestamp", "lastTimestamp", "count"})
        object.erase(name);
    return out;
}

std::string uid_of(std::initializer_list<std::string_view> words) {
    std::uint64_t a = 14695981039346656037ull, b = 1099511628211ull;
    for (const auto word : words) {
        a = hash(a, word);
        b = hash(b ^ a, word);
    }
    return fmt::format("{:08x}-{:04x}-8{:03x}-{:04x}-{:012x}", a >> 32, (a >> 16) & 0xffff, a & 0xfff,
                       ((b >> 48) & 0x3fff) | 0x8000, b & 0xffffffffffff);
}

}  // namespace admin
