#include "admin/write.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <charconv>

#include "admin/given.hpp"
#include "admin/write_answers.hpp"
#include "admin/write_request.hpp"

namespace admin {
namespace {

constexpr int most_replicas = 1000;

// What there is now of the object that a request names.
struct Current {
    std::shared_ptr<const Stored> stored;
    const proxy::ObjectView* view = nullptr;
    json::object shown;  // as GET shows it, without its status

    explicit operator bool() const { return stored != nullptr; }
};

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

Answer conflict(const Write& write, std::string_view why) {
    return refuse_object(409, "Conflict", write,
                         fmt::format("Operation cannot be fulfilled on {} \"{}\": {}",
                                     full_name(*write.resource), write.name, why));
}

std::string_view meta(const json::object& object, std::string_view name) {
    return text(object, {"metadata", name});
}

Manager manager_of(const Write& write, const World& world) {
    return {write.manager, write.subresource, api_version(*write.resource), rfc3339(world.now)};
}

json::object& metadata_of(json::object& object) {
    auto& value = object["metadata"];
    if (!value.is_object()) value = json::object();
    return value.get_object();
}

// --- what of a new state is the server's to say

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

bool same_but_for_bookkeeping(json::object a, json::object b) {
    for (auto* object : {&a, &b}) {
        auto& metadata = metadata_of(*object);
        for (const std::string_view name : {"managedFields", "resourceVersion", "generation"})
            metadata.erase(name);
    }
    return same(a, b);
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

// What clients may not set stays as it is, or is new.
void complete(json::object& next, const Current& now, const Write& write, const World& world) {
    next.erase("status");
    auto& metadata = metadata_of(next);
    metadata["namespace"] = write.name_space;
    for (const std::string_view name :
         {"resourceVersion", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "generateName"})
        metadata.erase(name);
    if (!now) {
        metadata["uid"] = world.new_uid();
        metadata["creationTimestamp"] = rfc3339(world.now);
        metadata["generation"] = 1;
        return;
    }
    for (const std::string_view name : {"uid", "creationTimestamp"})
        metadata[name] = *find(now.shown, {"metadata", name});
    const auto *before = now.shown.if_contains("spec"), *after = next.if_contains("spec");
    const bool changed = before == nullptr || after == nullptr ? before != after : !same(*before, *after);
    metadata["generation"] = now.view->generation + (changed ? 1 : 0);
}

Answer shown(const Write& write, const World& world, const json::object& next, const Current& now,
             int status) {
    if (write.dry_run) {
        auto out = next;
        if (now.stored) {
            if (const auto* was = now.stored->item.object.if_contains("status")) out["status"] = *was;
            metadata_of(out)["resourceVersion"] = meta(now.shown, "resourceVersion");
        }
        return json_answer(out, status);
    }
    world.look();
    const auto found = world.store.find(*write.resource, write.name_space, write.name);
    auto out = found ? whole_object(*write.resource, *found) : next;
    // Of the object before, as a controller would have it: kn tells by it whether there was a change.
    if (auto* its = out.if_contains("status"); now && its != nullptr && its->is_object())
        its->get_object()["observedGeneration"] = now.view->generation;
    return json_answer(out, status);
}

struct Settled {
    Kept kept;
    std::vector<std::string> warnings;
};

Settled settle(Wish& wish, const Write& write, const World& world) {
    Settled out{world.keeper.carry_out(wish), {}};
    for (int rounds = 0; rounds < 3 && out.kept.kind == Kept::Kind::invalid; ++rounds) {
        const auto errors = out.kept.errors;
        if (write.validation == Validation::strict || !without_unknown_fields(wish.object, errors)) break;
        if (write.validation == Validation::warn)
            for (const auto& error : errors)
                out.warnings.push_back(fmt::format("unknown field \"{}\"", error.field));
        out.kept = world.keeper.carry_out(wish);
    }
    for (const auto& warning : out.kept.warnings) out.warnings.push_back(sentence_of(warning));
    return out;
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

// `next`: the object as the client wants it. `owned`: its managedFields are right already.
Answer put(Write& write, const World& world, const Current& now, json::object next, bool owned = false) {
    if (auto wrong = check_identity(write, next)) return std::move(*wrong);
    if (now)
        if (auto wrong = check_preconditions(write, now, meta(next, "uid"), meta(next, "resourceVersion")))
            return std::move(*wrong);
    complete(next, now, write, world);
    const auto* before = find(now.shown, {"metadata", "managedFields"});
    auto& metadata = metadata_of(next);
    if (before != nullptr && !metadata.contains("managedFields")) metadata["managedFields"] = *before;
    const auto* after = metadata.if_contains("managedFields");
    const bool given_by_client = before != nullptr && after != nullptr && !same(*before, *after);
    if (!owned && !given_by_client) {
        take_annotation(next, source_annotation);
        auto old = now.shown;
        take_annotation(old, source_annotation);
        metadata_of(next)["managedFields"] =
            owned_after_update(now ? old : json::object(), next, manager_of(write, world));
    }
    put_annotation(next, source_annotation, now ? std::string_view(now.view->source) : "applied");
    if (now && same_but_for_bookkeeping(next, now.shown) && !given_by_client && !owned)
        return json_answer(whole_object(*write.resource, *now.stored));

    auto wish = wish_for(write);
    if (now && !now.view->applied) {
        auto mine = next, theirs = now.shown;
        take_annotation(mine, replicas_annotation);
        take_annotation(theirs, replicas_annotation);
        if (!same_but_for_bookkeeping(mine, theirs)) return from_a_file(write, now);
        wish.only_replicas = true;
    }
    wish.object = std::move(next);
    auto settled = settle(wish, write, world);
    if (auto wrong = trouble(write, settled.kept)) return std::move(*wrong);
    auto out = shown(write, world, wish.object, now, now ? 200 : 201);
    out.warnings = std::move(settled.warnings);
    return out;
}

// --- the methods

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
    return json_answer(status, 409);
}

// Empty: the type of the patch is none of ours.
bool patched(const Write& write, json::value& object, const json::value& patch) {
    if (write.content_type == "application/merge-patch+json") {
        if (!patch.is_object()) throw BadPatch("a merge patch of an object is an object");
        merge_patch(object, patch);
    } else if (write.content_type == "application/json-patch+json") {
        json_patch(object, patch);
    } else {
        return false;
    }
    if (!object.is_object()) throw BadPatch("the patch leaves no object");
    return true;
}

Answer unknown_patch(const Write& write) {
    return refuse_object(
        415, "UnsupportedMediaType", write,
        "the body of the request was in an unknown format - accepted media types include: "
        "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml");
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
    return json_answer(status);
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
    return json_answer(removed);
}

// --- the number of pods

json::object scale_of(const Write& write, const Snapshot& snapshot, const json::object& shown_now) {
    int wanted = 0, ready = 0;
    for (const auto& revision : snapshot.revisions) {
        if (revision.service != write.name || revision.name_space != write.name_space) continue;
        ready += revision.ready;
        if (!revision.retiring) wanted = revision.wanted;
    }
    if (const auto by_hand = text(shown_now, {"metadata", "annotations", replicas_annotation});
        !by_hand.empty())
        std::from_chars(by_hand.data(), by_hand.data() + by_hand.size(), wanted);
    json::object out, metadata, spec, status;
    for (const std::string_view name : {"name", "namespace", "uid", "resourceVersion", "creationTimestamp"})
        if (const auto* value = find(shown_now, {"metadata", name})) metadata[name] = *value;
    spec["replicas"] = wanted;
    status["replicas"] = ready;
    status["selector"] = "serving.knative.dev/service=" + write.name;
    out["kind"] = "Scale";
    out["apiVersion"] = "autoscaling/v1";
    out["metadata"] = std::move(metadata);
    out["spec"] = std::move(spec);
    out["status"] = std::move(status);
    return out;
}

Answer scale(Write& write, const World& world) {
    const auto now = look_up(write, world);
    if (!now) return not_there(write);
    json::value wanted(scale_of(write, world.snapshot, now.shown));
    if (write.method == "GET") return json_answer(wanted.get_object());
    auto body = read_body(write);
    if (auto* wrong = std::get_if<Answer>(&body)) return std::move(*wrong);
    if (write.method == "PUT")
        wanted = std::get<json::value>(body);
    else if (!patched(write, wanted, std::get<json::value>(body)))
        return unknown_patch(write);
    const auto* replicas = find(wanted, {"spec", "replicas"});
    const auto* number = replicas == nullptr ? nullptr : replicas->if_int64();
    if (number == nullptr || *number < 0 || *number > most_replicas)
        return refuse_object(
            422, "Invalid", write,
            fmt::format("Scale.autoscaling \"{}\" is invalid: spec.replicas: must be from 0 to {}",
                        write.name, most_replicas));
    auto next = now.shown;
    auto& metadata = metadata_of(next);
    for (const std::string_view name : {"uid", "resourceVersion"})
        if (const auto* value = find(wanted, {"metadata", name})) metadata[name] = *value;
    put_annotation(next, replicas_annotation, std::to_string(*number));
    auto out = put(write, world, now, std::move(next));
    if (out.status >= 300) return out;
    auto after = json::object();
    if (!write.dry_run) {
        const auto later = look_up(write, world);
        after = later ? later.shown : now.shown;
    } else {
        after = now.shown;
    }
    put_annotation(after, replicas_annotation, std::to_string(*number));
    auto shown_scale = json_answer(scale_of(write, world.snapshot, after));
    shown_scale.warnings = std::move(out.warnings);
    return shown_scale;
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
