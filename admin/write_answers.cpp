#include "admin/write_answers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <charconv>

namespace admin {
namespace {

Answer invalid(const Write& write, const Kept& kept) {
    std::string all;
    for (const auto& finding : kept.errors) all += (all.empty() ? "" : ", ") + sentence_of(finding);
    if (kept.errors.size() > 1) all = "[" + all + "]";
    const auto kind = std::string(write.resource->kind) +
                      (write.resource->group.empty() ? "" : "." + std::string(write.resource->group));
    auto status = failure(422, "Invalid", fmt::format("{} \"{}\" is invalid: {}", kind, write.name, all));
    json::object details;
    details["name"] = write.name;
    details["group"] = write.resource->group;
    details["kind"] = write.resource->kind;
    details["causes"] = causes_of(kept.errors);
    status["details"] = std::move(details);
    return {422, "application/json", json::serialize(status) + "\n"};
}

Answer unknown_fields(const Write& write, const std::vector<Finding>& findings) {
    std::string all;
    for (const auto& finding : findings)
        all += fmt::format("{}unknown field \"{}\"", all.empty() ? "" : ", ", finding.field);
    return refuse_object(400, "BadRequest", write, "strict decoding error: " + all);
}

// "spec.containers[0].image": false: there is no such field.
bool erase_field(json::value& object, std::string_view path) {
    auto* at = &object;
    while (!path.empty()) {
        const auto end = path.find_first_of(".[");
        const auto name = path.substr(0, end);
        auto* inside = at->if_object();
        if (inside == nullptr || !inside->contains(name)) return false;
        if (end == std::string_view::npos) return inside->erase(name) > 0;
        at = inside->if_contains(name);
        path.remove_prefix(end);
        while (path.starts_with('[')) {
            std::size_t place = 0;
            const auto close = path.find(']');
            if (close == std::string_view::npos) return false;
            std::from_chars(path.data() + 1, path.data() + close, place);
            auto* list = at->if_array();
            if (list == nullptr || place >= list->size()) return false;
            at = &(*list)[place];
            path.remove_prefix(close + 1);
        }
        if (path.starts_with('.')) path.remove_prefix(1);
    }
    return false;
}

}  // namespace

json::array causes_of(const std::vector<Finding>& findings) {
    json::array out;
    for (const auto& finding : findings) {
        json::object one;
        one["reason"] = "FieldValueInvalid";
        one["message"] = finding.text;
        one["field"] = finding.field.empty() ? "(object)" : finding.field;
        out.emplace_back(std::move(one));
    }
    return out;
}

std::string sentence_of(const Finding& finding) {
    return finding.field.empty() ? finding.text : finding.field + ": " + finding.text;
}

bool without_unknown_fields(json::object& object, const std::vector<Finding>& errors) {
    if (!std::ranges::all_of(errors, &Finding::unknown_field)) return false;
    json::value whole(std::move(object));
    const bool all =
        std::ranges::all_of(errors, [&](const Finding& error) { return erase_field(whole, error.field); });
    object = std::move(whole.get_object());
    return all;
}

std::optional<Answer> trouble(const Write& write, const Kept& kept) {
    switch (kept.kind) {
        case Kept::Kind::done:
            return std::nullopt;
        case Kept::Kind::full:
            return refuse_object(507, "InsufficientStorage", write, kept.sentence);
        case Kept::Kind::failed:
            return refuse_object(500, "InternalError", write, kept.sentence);
        case Kept::Kind::invalid:
            break;
    }
    const bool only_unknown =
        !kept.errors.empty() && std::ranges::all_of(kept.errors, &Finding::unknown_field);
    return only_unknown ? unknown_fields(write, kept.errors) : invalid(write, kept);
}

}  // namespace admin
