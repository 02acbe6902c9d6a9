#include "admin/write_put.hpp"

#include <fmt/format.h>

#include "admin/write_answers.hpp"

namespace admin {
namespace {

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
        return document(out, status);
    }
    world.look();
    const auto found = world.store.find(*write.resource, write.name_space, write.name);
    auto out = found ? whole_object(*write.resource, *found) : next;
    // Of the object before, as a controller would have it: kn tells by it whether there was a change.
    if (auto* its = out.if_contains("status"); now && its != nullptr && its->is_object())
        its->get_object()["observedGeneration"] = now.view->generation;
    return document(out, status);
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

}  // namespace

Answer put(Write& write, const World& world, const Current& now, json::object next, bool owned) {
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
        return document(whole_object(*write.resource, *now.stored));

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

}  // namespace admin
