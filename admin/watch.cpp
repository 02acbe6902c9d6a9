#include "admin/watch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <stdexcept>

#include "admin/parameters.hpp"

namespace admin {
namespace {

constexpr std::string_view meta_version = "meta.k8s.io/v1";

std::string_view to_string(ChangeType type) {
    switch (type) {
        case ChangeType::added:
            return "ADDED";
        case ChangeType::modified:
            return "MODIFIED";
        case ChangeType::deleted:
            return "DELETED";
    }
    return "ERROR";
}

json::array columns(const Resource& resource) {
    json::array out;
    for (const auto& column : resource.columns) {
        json::object one;
        one["name"] = column.name;
        one["type"] = column.type;
        one["format"] = column.format;
        one["description"] = column.description;
        one["priority"] = column.priority;
        out.emplace_back(std::move(one));
    }
    return out;
}

json::object versioned_metadata(const Stored& stored, std::uint64_t version) {
    auto out = stored.item.object.at("metadata").as_object();
    out["resourceVersion"] = std::to_string(version);
    return out;
}

json::object row(const Resource& resource, const Stored& stored, std::uint64_t version, WallTime now) {
    json::object out, object;
    auto cells = stored.item.cells;
    for (std::size_t i = 0; i < cells.size(); ++i)
        if (resource.columns[i].age) cells[i] = age(stored.item.created, now);
    out["cells"] = std::move(cells);
    object["kind"] = "PartialObjectMetadata";
    object["apiVersion"] = meta_version;
    object["metadata"] = versioned_metadata(stored, version);
    out["object"] = std::move(object);
    return out;
}

json::object table(std::uint64_t version, json::value definitions, json::array rows) {
    json::object out, meta;
    meta["resourceVersion"] = std::to_string(version);
    out["kind"] = "Table";
    out["apiVersion"] = meta_version;
    out["metadata"] = std::move(meta);
    out["columnDefinitions"] = std::move(definitions);
    out["rows"] = std::move(rows);
    return out;
}

json::object object_at(const Resource& resource, const Stored& stored, std::uint64_t version) {
    json::object out;
    out["apiVersion"] = api_version(resource);
    out["kind"] = resource.kind;
    for (const auto& field : stored.item.object) out.insert(field);
    out["metadata"] = versioned_metadata(stored, version);
    return out;
}

// By name; what never changes (events) in the order in which it happened.
std::vector<std::shared_ptr<const Stored>> selected(const Query& query, const Store& store) {
    std::vector<std::shared_ptr<const Stored>> out;
    for (const auto& [id, object] : store.objects(*query.resource))
        if (query.matches(object->item)) out.push_back(object);
    if (query.resource->immutable)
        std::ranges::stable_sort(out, std::ranges::less{},
                                 [](const auto& object) { return object->item.created; });
    return out;
}

// What of it is on this page; whether there is more behind it.
bool cut_to_page(const Query& query, std::vector<std::shared_ptr<const Stored>>& all) {
    if (query.after) {
        const auto id = [](const auto& object) {
            return std::pair(object->item.name_space, object->item.name);
        };
        auto next = all.begin();
        if (query.resource->immutable) {
            next = std::ranges::find(all, *query.after, id);
            if (next != all.end()) ++next;
        } else {
            next = std::ranges::upper_bound(all, *query.after, std::ranges::less{}, id);
        }
        all.erase(all.begin(), next);
    }
    if (query.limit == 0 || all.size() <= query.limit) return false;
    all.resize(query.limit);
    return true;
}

// What a change is to who sees but a part of the objects; empty: nothing. An object that was among them and
// is no more is deleted for him.
std::optional<ChangeType> seen_by(const Query& query, const Change& change) {
    const bool is = query.matches(change.object->item);
    const bool was = change.before ? query.matches(change.before->item) : is;
    if (!is && !was) return std::nullopt;
    return is && was ? change.type : is ? ChangeType::added : ChangeType::deleted;
}

std::string event_line(std::string_view type, json::object object) {
    json::object out;
    out["type"] = type;
    out["object"] = std::move(object);
    return json::serialize(out) + "\n";
}

}  // namespace

bool Query::matches(const Item& item) const {
    return (name_space.empty() || item.name_space == name_space) && (name.empty() || item.name == name) &&
           labels.matches(item.object) && fields.matches(item.object);
}

json::object whole_object(const Resource& resource, const Stored& stored) {
    return object_at(resource, stored, stored.version);
}

bool take_page(Query& query, std::string_view limit, std::string_view token, const Store& store) {
    query.limit = static_cast<std::size_t>(number(limit, "limit").value_or(0));
    if (token.empty()) return true;
    const auto first = token.find('/'), second = token.find('/', first + 1);
    if (first == std::string_view::npos || second == std::string_view::npos)
        throw std::invalid_argument("continue key is not valid");
    query.version = number(token.substr(0, first), "continue key").value_or(0);
    query.after.emplace(token.substr(first + 1, second - first - 1), token.substr(second + 1));
    // Those stand in the order in which they happened, and are forgotten in it.
    const auto& [name_space, name] = *query.after;
    return !query.resource->immutable || store.find(*query.resource, name_space, name) != nullptr;
}

json::object list(const Query& query, const Store& store, WallTime now) {
    const auto& resource = *query.resource;
    json::array rows;
    auto all = selected(query, store);
    const auto more = cut_to_page(query, all);
    for (const auto& object : all) {
        if (query.table)
            rows.emplace_back(row(resource, *object, object->version, now));
        else
            rows.emplace_back(whole_object(resource, *object));
    }
    const auto version = query.after ? query.version : store.version();
    json::object out;
    if (query.table) {
        out = table(version, columns(resource), std::move(rows));
    } else {
        json::object meta;
        meta["resourceVersion"] = std::to_string(version);
        out["kind"] = std::string(resource.kind) + "List";
        out["apiVersion"] = api_version(resource);
        out["metadata"] = std::move(meta);
        out["items"] = std::move(rows);
    }
    if (more)
        out["metadata"].as_object()["continue"] =
            fmt::format("{}/{}/{}", version, all.back()->item.name_space, all.back()->item.name);
    return out;
}

json::object single(const Query& query, const Store& store, const Stored& stored, WallTime now) {
    if (!query.table) return whole_object(*query.resource, stored);
    json::array rows;
    rows.emplace_back(row(*query.resource, stored, stored.version, now));
    return table(store.version(), columns(*query.resource), std::move(rows));
}

json::object failure(int code, std::string_view reason, std::string_view message) {
    json::object out;
    out["kind"] = "Status";
    out["apiVersion"] = "v1";
    out["metadata"] = json::object();
    out["status"] = "Failure";
    out["message"] = message;
    out["reason"] = reason;
    out["code"] = code;
    return out;
}

Watch::Watch(Query query, const Store& store, std::optional<std::uint64_t> version)
    : query_(std::move(query)) {
    if (version.value_or(0) != 0) {
        const auto place = store.after(*version);
        expired_ = !place;
        place_ = place.value_or(0);
        return;
    }
    place_ = store.end();
    initial_ = selected(query_, store);
    std::ranges::reverse(initial_);
}

std::string Watch::take(const Store& store, WallTime now, std::size_t most) {
    std::string out;
    if (ended_) return out;
    if (expired_ || place_ < store.begin()) return expire(store);
    while (!initial_.empty() && out.size() < most) {
        const auto object = std::move(initial_.back());
        initial_.pop_back();
        out += line(ChangeType::added, *query_.resource, *object, object->version, now);
    }
    if (initial_.empty() && std::exchange(query_.marks_beginning, false)) out += mark(store, true);
    for (; initial_.empty() && place_ < store.end() && out.size() < most; ++place_) {
        const auto& change = store.at(place_);
        if (change.resource != query_.resource) continue;
        if (const auto type = seen_by(query_, change))
            out += line(*type, *change.resource, *change.object, change.version, now);
    }
    return out;
}

std::string Watch::line(ChangeType type, const Resource& resource, const Stored& stored,
                        std::uint64_t version, WallTime now) {
    if (!query_.table) return event_line(to_string(type), object_at(resource, stored, version));
    json::array rows;
    rows.emplace_back(row(resource, stored, version, now));
    // As the API server does it: the columns once, with the first row.
    json::value definitions;
    if (!columns_sent_) definitions = columns(resource);
    columns_sent_ = true;
    return event_line(to_string(type), table(version, std::move(definitions), std::move(rows)));
}

std::string Watch::expire(const Store& store) {
    ended_ = true;
    return event_line(
        "ERROR", failure(410, "Expired",
                         fmt::format("too old resource version: the changes since then are no longer kept, "
                                     "or were another gateway's; list again (now at {})",
                                     store.version())));
}

std::string Watch::bookmark(const Store& store) {
    return mark(store, false);
}

std::string Watch::mark(const Store& store, bool end_of_beginning) {
    json::object meta, object;
    meta["resourceVersion"] = std::to_string(store.version());
    meta["creationTimestamp"] = nullptr;
    if (end_of_beginning) {
        json::object notes;
        notes["k8s.io/initial-events-end"] = "true";
        meta["annotations"] = std::move(notes);
    }
    if (query_.table) {
        json::object row, about;
        about["kind"] = "PartialObjectMetadata";
        about["apiVersion"] = meta_version;
        about["metadata"] = meta;
        row["cells"] = json::array();
        row["object"] = std::move(about);
        object =
            table(store.version(), nullptr, end_of_beginning ? json::array{std::move(row)} : json::array());
    } else {
        object["kind"] = query_.resource->kind;
        object["apiVersion"] = api_version(*query_.resource);
        object["metadata"] = std::move(meta);
    }
    return event_line("BOOKMARK", std::move(object));
}

}  // namespace admin
