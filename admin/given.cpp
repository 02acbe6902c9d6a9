#include "admin/given.hpp"

#include <algorithm>

namespace admin {
namespace {

json::object true_condition(std::string_view type) {
    json::object out;
    out["type"] = type;
    out["status"] = "True";
    return out;
}

std::string_view text_at(const json::object& object, std::initializer_list<std::string_view> path) {
    const json::value* value = nullptr;
    const json::object* inside = &object;
    for (const auto name : path) {
        value = inside == nullptr ? nullptr : inside->if_contains(name);
        inside = value == nullptr ? nullptr : value->if_object();
    }
    return value != nullptr && value->is_string() ? std::string_view(value->get_string())
                                                  : std::string_view();
}

}  // namespace

const proxy::ObjectView* given(const Snapshot& snapshot, std::string_view kind, std::string_view name_space,
                               std::string_view name) {
    if (!snapshot.objects) return nullptr;
    const auto found = std::ranges::find_if(*snapshot.objects, [&](const proxy::ObjectView& view) {
        return view.name == name && view.kind == kind && view.name_space == name_space;
    });
    return found == snapshot.objects->end() ? nullptr : &*found;
}

void show_given(const proxy::ObjectView& view, Item& item) {
    item.created = view.created;
    for (const std::string_view field : {"metadata", "spec"})
        if (const auto* value = view.object->if_contains(field)) item.object[field] = *value;
    if (auto* status = item.object.if_contains("status"); status != nullptr && status->is_object())
        status->as_object()["observedGeneration"] = view.generation;
}

std::vector<Key> domain_mapping_keys(const Snapshot& snapshot) {
    std::vector<Key> out;
    if (!snapshot.objects) return out;
    for (std::size_t i = 0; i < snapshot.objects->size(); ++i)
        if (const auto& view = (*snapshot.objects)[i]; view.kind == "DomainMapping")
            out.push_back({view.name_space, view.name, i});
    return out;
}

Item domain_mapping_item(const Snapshot& snapshot, std::size_t index) {
    const auto& view = (*snapshot.objects)[index];
    const auto url = "http://" + view.name;
    json::object status, address;
    status["url"] = address["url"] = url;
    status["address"] = std::move(address);
    status["conditions"] = json::array{true_condition("DomainClaimed"), true_condition("Ready"),
                                       true_condition("ReferenceResolved")};
    Item out{view.name_space, view.name, view.created, {}, {}};
    out.object["status"] = std::move(status);
    show_given(view, out);
    out.cells.emplace_back(view.name);
    out.cells.emplace_back(url);
    out.cells.emplace_back("True");
    out.cells.emplace_back("");
    out.cells.emplace_back(text_at(*view.object, {"spec", "ref", "name"}));
    return out;
}

}  // namespace admin
