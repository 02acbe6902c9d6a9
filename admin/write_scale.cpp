#include "admin/write_scale.hpp"

#include <fmt/format.h>

#include <charconv>

#include "admin/write_put.hpp"

namespace admin {
namespace {

constexpr int most_replicas = 1000;

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

}  // namespace

Answer scale(Write& write, const World& world) {
    const auto now = look_up(write, world);
    if (!now) return not_there(write);
    json::value wanted(scale_of(write, world.snapshot, now.shown));
    if (write.method == "GET") return document(wanted.get_object());
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
    auto shown_scale = document(scale_of(write, world.snapshot, after));
    shown_scale.warnings = std::move(out.warnings);
    return shown_scale;
}

}  // namespace admin
