#include "admin/managed.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <span>

namespace admin {
namespace {

using Path = std::vector<std::string>;

// What the server itself writes is nobody's.
bool belongs_to_the_server(const Path& path) {
    constexpr std::array<std::string_view, 3> top{"apiVersion", "kind", "status"};
    constexpr std::array<std::string_view, 7> meta{
        "name", "namespace", "uid", "generation", "resourceVersion", "creationTimestamp", "managedFields"};
    if (path.size() == 1) return std::ranges::find(top, path[0]) != top.end();
    return path.size() == 2 && path[0] == "metadata" && std::ranges::find(meta, path[1]) != meta.end();
}

using Visit = std::function<void(const Path&, const json::value&)>;

// Each field that has no fields of its own.
void leaves(const json::object& object, Path& path, const Visit& visit) {
    for (const auto& [name, value] : object) {
        path.emplace_back(name);
        if (!belongs_to_the_server(path)) {
            const auto* inner = value.if_object();
            if (inner != nullptr && !inner->empty())
                leaves(*inner, path, visit);
            else
                visit(path, value);
        }
        path.pop_back();
    }
}

void leaves(const json::object& object, const Visit& visit) {
    Path path;
    leaves(object, path, visit);
}

const json::value* at(const json::object& object, std::span<const std::string> path) {
    const json::value* value = nullptr;
    const json::object* inside = &object;
    for (const auto& name : path) {
        value = inside == nullptr ? nullptr : inside->if_contains(name);
        if (value == nullptr) return nullptr;
        inside = value->if_object();
    }
    return value;
}

void remove(json::object& object, std::span<const std::string> path) {
    if (path.size() == 1) {
        object.erase(path[0]);
        return;
    }
    auto* next = object.if_contains(path[0]);
    if (next == nullptr || !next->is_object()) return;
    remove(next->get_object(), path.subspan(1));
    if (next->get_object().empty()) object.erase(path[0]);
}

// --- sets of fields, as FieldsV1 writes them

Path marked(const Path& path) {
    Path out;
    for (const auto& name : path) out.push_back("f:" + name);
    return out;
}

void insert(json::object& set, const Path& path) {
    auto* inside = &set;
    for (const auto& name : marked(path)) {
        auto& next = (*inside)[name];
        if (!next.is_object()) next = json::object();
        inside = &next.get_object();
    }
}

bool contains(const json::object& set, const Path& path) {
    const auto* inside = &set;
    for (const auto& name : marked(path)) {
        const auto* next = inside->if_contains(name);
        if (next == nullptr || !next->is_object()) return false;
        inside = &next->get_object();
        if (inside->empty()) return true;  // the field as a whole
    }
    return true;
}

void erase(json::object& set, const Path& path) {
    const auto names = marked(path);
    remove(set, names);
}

json::object set_of(const json::object& object) {
    json::object out;
    leaves(object, [&](const Path& path, const json::value&) { insert(out, path); });
    return out;
}

void each_path(const json::object& set, Path& path, const std::function<void(const Path&)>& visit) {
    for (const auto& [name, value] : set) {
        if (!name.starts_with("f:")) continue;
        path.emplace_back(name.substr(2));
        const auto* inner = value.if_object();
        if (inner == nullptr || inner->empty())
            visit(path);
        else
            each_path(*inner, path, visit);
        path.pop_back();
    }
}

// --- entries

struct ManagedEntry {
    Manager manager;
    bool applies = false;
    json::object fields;
};

std::vector<ManagedEntry> entries_of(const json::object& object) {
    std::vector<ManagedEntry> out;
    const auto* given = find(object, {"metadata", "managedFields"});
    if (given == nullptr || !given->is_array()) return out;
    for (const auto& one : given->get_array()) {
        const auto* fields = find(one, {"fieldsV1"});
        if (fields == nullptr || !fields->is_object()) continue;
        ManagedEntry entry;
        entry.manager = {std::string(text(one, {"manager"})), std::string(text(one, {"subresource"})),
                         std::string(text(one, {"apiVersion"})), std::string(text(one, {"time"}))};
        entry.applies = text(one, {"operation"}) == "Apply";
        entry.fields = fields->get_object();
        out.push_back(std::move(entry));
    }
    return out;
}

void unite(json::object& into, const json::object& from) {
    Path path;
    each_path(from, path, [&](const Path& field) { insert(into, field); });
}

void fold_the_oldest(std::vector<ManagedEntry>& entries) {
    const auto updates = [](const ManagedEntry& entry) { return !entry.applies; };
    for (auto count = std::ranges::count_if(entries, updates);
         count > static_cast<std::ptrdiff_t>(most_updaters); --count) {
        const auto first = std::ranges::find_if(entries, updates);
        const auto second = std::find_if(first + 1, entries.end(), updates);
        unite(second->fields, first->fields);
        second->manager.name = "ancient-changes";
        second->manager.subresource.clear();
        entries.erase(first);
    }
}

json::array written(std::vector<ManagedEntry> entries) {
    std::erase_if(entries, [](const ManagedEntry& entry) { return entry.fields.empty(); });
    fold_the_oldest(entries);
    json::array out;
    for (auto& entry : entries) {
        json::object one;
        one["manager"] = entry.manager.name;
        one["operation"] = entry.applies ? "Apply" : "Update";
        one["apiVersion"] = entry.manager.api_version;
        one["time"] = entry.manager.time;
        one["fieldsType"] = "FieldsV1";
        one["fieldsV1"] = std::move(entry.fields);
        if (!entry.manager.subresource.empty()) one["subresource"] = entry.manager.subresource;
        out.emplace_back(std::move(one));
    }
    return out;
}

ManagedEntry& entry_for(std::vector<ManagedEntry>& entries, const Manager& manager, bool applies) {
    for (auto& entry : entries)
        if (entry.applies == applies && entry.manager.name == manager.name &&
            entry.manager.subresource == manager.subresource)
            return entry;
    entries.push_back({manager, applies, {}});
    return entries.back();
}

std::string dotted(const Path& path) {
    std::string out;
    for (const auto& name : path) out += "." + name;
    return out;
}

void deep_merge(json::object& into, const json::object& from) {
    for (const auto& [name, value] : from) {
        auto* known = into.if_contains(name);
        if (known != nullptr && known->is_object() && value.is_object())
            deep_merge(known->get_object(), value.get_object());
        else
            into[name] = value;
    }
}

}  // namespace

json::array owned_after_update(const json::object& before, const json::object& after,
                               const Manager& manager) {
    auto entries = entries_of(after);
    std::vector<Path> changed;
    leaves(after, [&](const Path& path, const json::value& value) {
        const auto* old = at(before, path);
        if (old == nullptr || !same(*old, value)) changed.push_back(path);
    });
    leaves(before, [&](const Path& path, const json::value&) {
        if (at(after, path) != nullptr) return;
        for (auto& entry : entries) erase(entry.fields, path);
    });
    if (changed.empty()) return written(std::move(entries));
    for (auto& entry : entries)
        for (const auto& path : changed) erase(entry.fields, path);
    auto& mine = entry_for(entries, manager, false);
    mine.manager = manager;
    for (const auto& path : changed) insert(mine.fields, path);
    return written(std::move(entries));
}

Applied server_side_apply(const json::object& now, const json::object& wanted, const Manager& manager,
                          bool force) {
    Applied out{now, {}};
    auto entries = entries_of(now);
    auto& mine = entry_for(entries, manager, true);
    leaves(wanted, [&](const Path& path, const json::value& value) {
        const auto* current = at(now, path);
        if (current == nullptr || same(*current, value)) return;
        for (auto& other : entries) {
            if (&other == &mine || !contains(other.fields, path)) continue;
            out.conflicts.push_back({other.manager.name, dotted(path)});
            if (force) erase(other.fields, path);
        }
    });
    if (force) out.conflicts.clear();
    if (!out.conflicts.empty()) return out;

    const auto before = std::exchange(mine.fields, set_of(wanted));
    mine.manager = manager;
    Path path;
    each_path(before, path, [&](const Path& field) {
        const bool still_wanted = std::ranges::any_of(
            entries, [&](const ManagedEntry& entry) { return contains(entry.fields, field); });
        if (!still_wanted) remove(out.object, field);
    });
    auto merged = wanted;
    merged.erase("status");
    deep_merge(out.object, merged);
    out.object["metadata"].as_object()["managedFields"] = written(std::move(entries));
    return out;
}

}  // namespace admin
