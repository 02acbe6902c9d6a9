#include "admin/write.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/serialize.hpp>

#include "admin/write_answers.hpp"
#include "admin/write_put.hpp"
#include "admin/write_scale.hpp"

namespace admin {
namespace {

// As the API server makes them: five letters and digits that spell nothing (k8s.io/apiserver
// pkg/storage/names). `uid`: a new one, of which the digits are taken.
std::string generated_name(std::string_view stem, std::string_view uid) {
    constexpr std::string_view letters = "bcdfghjklmnpqrst", digits = "0123456789abcdef";
    constexpr std::size_t longest = 63 - 5;
    std::string out(stem.substr(0, longest));
    const auto length = out.size() + 5;
    for (const char c : uid)
        if (const auto at = digits.find(c); at != std::string_view::npos && out.size() < length)
            out += letters[at];
    return out;
}

Answer create(Write& write, const World& world) {
    auto body = read_body(write);
    if (auto* wrong = std::get_if<Answer>(&body)) return std::move(*wrong);
    auto* object = std::get<json::value>(body).if_object();
    if (object == nullptr) return refuse(400, "BadRequest", "the body is not an object");
    if (const auto stem = meta(*object, "generateName"); !stem.empty() && meta(*object, "name").empty())
        metadata_of(*object)["name"] = generated_name(stem, world.new_uid());
    if (auto wrong = check_identity(write, *object)) return std::move(*wrong);
    if (!meta(*object, "resourceVersion").empty())
        return refuse(400, "BadRequest", "resourceVersion should not be set on objects to be created");
    if (look_up(write, world))
        return refuse_object(409, "AlreadyExists", write,
                             fmt::format("{} \"{}\" already exists", full_name(*write.resource), write.name));
    return put(write, world, {}, std::move(*object));
}

Answer replace(Write& write, const World& world) {
    auto body = read_body(write);
    if (auto* wrong = std::get_if<Answer>(&body)) return std::move(*wrong);
    auto* object = std::get<json::value>(body).if_object();
    if (object == nullptr) return refuse(400, "BadRequest", "the body is not an object");
    const auto now = look_up(write, world);
    if (!now) return not_there(write);
    return put(write, world, now, std::move(*object));
}

// Who applied with kubectl on the client's side and now does so on the server's is the same one
// (k8s.io/apimachinery pkg/util/managedfields/internal/lastappliedmanager.go).
bool goes_on_by_itself(const Write& write, const Current& now, const std::vector<Conflict>& conflicts) {
    constexpr std::string_view last_applied = "kubectl.kubernetes.io/last-applied-configuration";
    return !conflicts.empty() && write.manager == "kubectl" &&
           find(now.shown, {"metadata", "annotations", last_applied}) != nullptr &&
           std::ranges::all_of(
               conflicts, [](const Conflict& one) { return one.manager == "kubectl-client-side-apply"; });
}

Answer apply(Write& write, const World& world, const Current& now, const json::value& wanted) {
    if (!wanted.is_object()) return refuse(400, "BadRequest", "the body is not an object");
    auto object = wanted.get_object();
    if (auto wrong = check_identity(write, object)) return std::move(*wrong);
    if (find(object, {"metadata", "managedFields"}) != nullptr)
        return refuse(400, "BadRequest", "metadata.managedFields must be nil");
    take_annotation(object, source_annotation);
    auto base = now.shown;
    if (!now) base["metadata"] = json::object();
    auto applied = server_side_apply(base, object, manager_of(write, world), write.force);
    if (goes_on_by_itself(write, now, applied.conflicts))
        applied = server_side_apply(base, object, manager_of(write, world), true);
    if (applied.conflicts.empty()) {
        const bool nothing_new = now && same_but_for_bookkeeping(applied.object, now.shown);
        return put(write, world, now, std::move(applied.object), !nothing_new || !now);
    }
    std::string all;
    Kept kept;
    for (const auto& each : applied.conflicts) {
        all += fmt::format("{}conflict with \"{}\": {}", all.empty() ? "" : ", ", each.manager, each.field);
        kept.errors.push_back({each.field, fmt::format("conflict with \"{}\"", each.manager)});
    }
    auto status = failure(409, "Conflict",
                          fmt::format("Apply failed with {} conflict{}: {}", applied.conflicts.size(),
                                      applied.conflicts.size() == 1 ? "" : "s", all));
    json::object details;
    details["causes"] = causes_of(kept.errors);
    for (auto& cause : details["causes"].as_array()) cause.as_object()["reason"] = "FieldManagerConflict";
    status["details"] = std::move(details);
    return document(status, 409);
}

Answer patch(Write& write, const World& world) {
    const auto now = look_up(write, world);
    const bool applies = write.content_type == "application/apply-patch+yaml";
    if (!applies && write.content_type != "application/merge-patch+json" &&
        write.content_type != "application/json-patch+json")
        return unknown_patch(write);
    if (!now && !applies) return not_there(write);
    auto body = read_body(write);
    if (auto* wrong = std::get_if<Answer>(&body)) return std::move(*wrong);
    const auto& wanted = std::get<json::value>(body);
    if (applies) return apply(write, world, now, wanted);
    json::value object(now.shown);
    patched(write, object, wanted);
    return put(write, world, now, std::move(object.get_object()));
}

// The Answer is why not.
std::optional<Answer> take_delete_options(
    Write& write, const std::function<std::optional<Answer>(const json::value&)>& check) {
    if (write.body.empty()) return std::nullopt;
    auto body = read_body(write);
    if (auto* wrong = std::get_if<Answer>(&body)) return std::move(*wrong);
    const auto& options = std::get<json::value>(body);
    if (const auto* dry = find(options, {"dryRun"});
        dry != nullptr && dry->is_array() && !dry->get_array().empty())
        write.dry_run = true;
    return check(options);
}

std::optional<Answer> remove_one(const Write& write, const World& world) {
    auto wish = wish_for(write);
    wish.remove = true;
    return trouble(write, world.keeper.carry_out(wish));
}

Answer remove(Write& write, const World& world) {
    const auto now = look_up(write, world);
    if (!now) return not_there(write);
    if (auto wrong = take_delete_options(write, [&](const json::value& options) {
            return check_preconditions(write, now, text(options, {"preconditions", "uid"}),
                                       text(options, {"preconditions", "resourceVersion"}));
        }))
        return std::move(*wrong);
    if (!now.view->applied) return from_a_file(write, now);
    if (auto wrong = remove_one(write, world)) return std::move(*wrong);
    json::object status, details;
    details["name"] = write.name;
    details["group"] = write.resource->group;
    details["kind"] = write.resource->plural;
    details["uid"] = meta(now.shown, "uid");
    status["kind"] = "Status";
    status["apiVersion"] = "v1";
    status["metadata"] = json::object();
    status["status"] = "Success";
    status["details"] = std::move(details);
    return document(status);
}

// All that the selectors name, or none: one that comes from a file would be left.
Answer remove_many(Write& write, const World& world) {
    if (auto wrong = take_delete_options(write, [](const json::value&) { return std::nullopt; }))
        return std::move(*wrong);
    Query query;
    query.resource = write.resource, query.name_space = write.name_space;
    query.labels = write.labels, query.fields = write.fields;
    auto removed = list(query, world.store, world.now);
    std::vector<std::string> names;
    for (const auto& item : removed["items"].as_array()) {
        write.name = text(item, {"metadata", "name"});
        const auto now = look_up(write, world);
        if (!now) continue;
        if (!now.view->applied) return from_a_file(write, now);
        names.push_back(write.name);
    }
    for (auto& name : names) {
        write.name = std::move(name);
        if (auto wrong = remove_one(write, world)) return std::move(*wrong);
    }
    return document(removed);
}

Answer dispatch(Write& write, const World& world) {
    if (write.subresource == "scale") return scale(write, world);
    if (write.method == "POST") return create(write, world);
    if (write.method == "PUT") return replace(write, world);
    if (write.method == "PATCH") return patch(write, world);
    return write.name.empty() ? remove_many(write, world) : remove(write, world);
}

}  // namespace

std::optional<Answer> change(const Request& request, const World& world) {
    if (request.method == "HEAD") return std::nullopt;
    if (request.method == "GET") {
        const auto path = std::string_view(request.target).substr(0, request.target.find('?'));
        if (!path.ends_with("/scale")) return std::nullopt;
    }
    auto read = read_write(request);
    if (auto* wrong = std::get_if<Answer>(&read)) return std::move(*wrong);
    auto& write = std::get<Write>(read);
    try {
        return dispatch(write, world);
    } catch (const FailedTest& failed) {
        return refuse_object(422, "Invalid", write, failed.what());
    } catch (const BadPatch& wrong) {
        return refuse_object(400, "BadRequest", write, wrong.what());
    }
}

}  // namespace admin
