#include "admin/objects.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "admin/given.hpp"
#include "admin/knative_objects.hpp"
#include "autoscaler/words.hpp"

namespace admin {
namespace {

using pods::Phase;
using proxy::EventView;
using proxy::PodView;
using proxy::RevisionView;

json::object metadata(std::string_view name_space, std::string_view name, WallTime created) {
    json::object out;
    out["name"] = name;
    out["namespace"] = name_space;
    out["creationTimestamp"] = rfc3339(created);
    return out;
}

// The labels that Knative puts on what belongs to a revision, so that -l finds it.
json::object labels(std::string_view service, std::string_view revision) {
    json::object out;
    if (!revision.empty()) out["app"] = revision;
    out["serving.knative.dev/configuration"] = service;
    if (!revision.empty()) out["serving.knative.dev/revision"] = revision;
    out["serving.knative.dev/service"] = service;
    return out;
}

json::object condition(std::string_view type, bool holds, std::string_view reason, std::string_view message,
                       WallTime since) {
    json::object out;
    out["type"] = type;
    out["status"] = holds ? "True" : "False";
    if (!reason.empty()) out["reason"] = reason;
    if (!message.empty()) out["message"] = message;
    if (since != WallTime{}) out["lastTransitionTime"] = rfc3339(since);
    return out;
}

std::string_view api_phase(Phase phase) {
    switch (phase) {
        case Phase::pending:
        case Phase::container_creating:
            return "Pending";
        case Phase::error:
            return "Failed";
        case Phase::running:
        case Phase::terminating:
        case Phase::crash_loop_back_off:
            break;
    }
    return "Running";  // Kubernetes shows a crash loop in the container's state, a termination in the
                       // metadata
}

json::object container_state(const PodView& pod) {
    json::object inner, out;
    const auto explain = [&](std::string_view usual) {
        inner["reason"] = pod.reason.empty() ? usual : std::string_view(pod.reason);
        if (!pod.message.empty()) inner["message"] = pod.message;
    };
    switch (pod.phase) {
        case Phase::pending:
        case Phase::container_creating:
            explain("ContainerCreating");
            break;
        case Phase::crash_loop_back_off:
            explain("");
            inner["reason"] = to_string(pod.phase);
            break;
        case Phase::error:
            explain(to_string(pod.phase));
            out["terminated"] = std::move(inner);
            return out;
        case Phase::running:
        case Phase::terminating:
            if (pod.restarts == 0) inner["startedAt"] = rfc3339(pod.created);
            out["running"] = std::move(inner);
            return out;
    }
    out["waiting"] = std::move(inner);
    return out;
}

std::pair<std::string_view, int> host_and_port(std::string_view address) {
    const auto colon = address.rfind(':');
    if (colon == std::string_view::npos) return {address, 0};
    int port = 0;
    for (const char c : address.substr(colon + 1))
        if (c >= '0' && c <= '9' && port < 6554) port = port * 10 + (c - '0');
    auto host = address.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    return {host, port};
}

std::string joined(const std::vector<std::string>& words) {
    return words.empty() ? "<none>" : fmt::format("{}", fmt::join(words, ","));
}

json::object annotations(const PodView& pod) {
    json::object out;
    if (!pod.address.empty()) out["pilotlight.dev/address"] = pod.address;
    if (!pod.gpus.empty()) out["pilotlight.dev/gpus"] = joined(pod.gpus);
    if (!pod.log_file.empty()) out["pilotlight.dev/log-file"] = pod.log_file;
    if (pod.pid != 0) out["pilotlight.dev/pid"] = std::to_string(pod.pid);
    if (pod.draining) out["pilotlight.dev/draining"] = "true";
    if (pod.benched) out["pilotlight.dev/benched"] = "true";
    return out;
}

json::object pod_object(const PodView& pod) {
    const auto [host, port] = host_and_port(pod.address);
    json::object meta = metadata(pod.name_space, pod.name, pod.created);
    if (!pod.uid.empty()) meta["uid"] = pod.uid;
    meta["labels"] = labels(pod.service, pod.revision);
    meta["annotations"] = annotations(pod);

    json::object container, container_status, status;
    container["name"] = container_status["name"] = container_name;
    container["image"] = container_status["image"] = pod.image;
    if (port != 0) {
        json::object exposed;
        exposed["containerPort"] = port;
        exposed["protocol"] = "TCP";
        container["ports"] = json::array{std::move(exposed)};
    }
    container_status["ready"] = pod.ready;
    container_status["restartCount"] = pod.restarts;
    container_status["state"] = container_state(pod);

    status["phase"] = api_phase(pod.phase);
    const bool placed = pod.phase != Phase::pending;
    status["conditions"] =
        json::array{condition("Initialized", placed, "", "", pod.created),
                    condition("Ready", pod.ready, pod.reason, pod.message, {}),
                    condition("ContainersReady", pod.ready, pod.reason, pod.message, {}),
                    condition("PodScheduled", placed, placed ? "" : "Unschedulable", "", pod.created)};
    status["containerStatuses"] = json::array{std::move(container_status)};
    if (!host.empty()) {
        json::object ip;
        ip["ip"] = host;
        status["podIP"] = host;
        status["podIPs"] = json::array{std::move(ip)};
    }
    status["startTime"] = rfc3339(pod.created);

    json::object out, spec;
    spec["containers"] = json::array{std::move(container)};
    out["metadata"] = std::move(meta);
    out["spec"] = std::move(spec);
    out["status"] = std::move(status);
    return out;
}

std::string url_of(const RevisionView& revision) {
    return revision.hosts.empty() ? std::string() : "http://" + revision.hosts.front();
}

std::string_view not_ready_reason(const RevisionView& revision) {
    return revision.crash_looping ? to_string(Phase::crash_loop_back_off) : std::string_view();
}

// A revision is ready while its pods can be had, also at zero: that is what Knative says of one scaled to
// zero.
json::object ready_condition(const RevisionView& revision, std::string_view type) {
    return condition(type, !revision.crash_looping, not_ready_reason(revision),
                     revision.crash_looping ? std::string_view(revision.reason) : std::string_view(),
                     revision.created);
}

json::object template_spec(const RevisionView& revision) {
    json::object container, out;
    container["name"] = container_name;
    container["image"] = revision.image;
    out["containerConcurrency"] = revision.container_concurrency;
    out["containers"] = json::array{std::move(container)};
    return out;
}

std::string lower(std::string text) {
    std::ranges::transform(text, text.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text;
}

}  // namespace

Item pod_item(const PodView& pod) {
    Item out{pod.name_space, pod.name, pod.created, pod_object(pod), {}};
    out.cells.emplace_back(pod.name);
    out.cells.emplace_back(pod.ready ? "1/1" : "0/1");
    out.cells.emplace_back(to_string(pod.phase));
    out.cells.emplace_back(std::to_string(pod.restarts));
    out.cells.emplace_back(nullptr);
    out.cells.emplace_back(pod.address.empty() ? "<none>" : pod.address);
    out.cells.emplace_back(joined(pod.gpus));
    out.cells.emplace_back(pod.slots == 0 ? std::to_string(pod.leases)
                                          : fmt::format("{}/{}", pod.leases, pod.slots));
    out.cells.emplace_back(pod.sessions);
    return out;
}

// Why so many pods are wanted, and since when.
json::object annotations(const RevisionView& revision) {
    json::object out;
    if (!revision.reason.empty()) out["pilotlight.dev/reason"] = revision.reason;
    if (!revision.last_step) return out;
    const auto& step = *revision.last_step;
    out["pilotlight.dev/last-step"] = fmt::format("{} wanted, {} {}: {}", autoscaler::pods(step.to),
                                                  step.from == 1 ? "was" : "were", step.from, step.sentence);
    out["pilotlight.dev/last-step-time"] = rfc3339(step.at);
    return out;
}

// "sd-00003" is of the third generation of its template (Knative's naming of revisions).
std::string generation_of(const RevisionView& revision) {
    const auto dash = revision.revision.rfind('-');
    auto digits = dash == std::string::npos ? std::string() : revision.revision.substr(dash + 1);
    digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size()));
    return digits.find_first_not_of("0123456789") == std::string::npos ? digits : std::string();
}

// What was given of the newest revision's template; of older ones no more is known than what they run.
json::object revision_spec(const Snapshot& snapshot, const RevisionView& revision) {
    const auto* view =
        revision.retiring ? nullptr : given(snapshot, "Service", revision.name_space, revision.service);
    const json::object* at = view == nullptr ? nullptr : view->object.get();
    for (const std::string_view name : {"spec", "template", "spec"}) {
        const auto* inside = at == nullptr ? nullptr : at->if_contains(name);
        at = inside == nullptr ? nullptr : inside->if_object();
    }
    return at == nullptr ? template_spec(revision) : *at;
}

json::array revision_conditions(const RevisionView& revision) {
    const bool active = revision.wanted > 0 || revision.ready > 0;
    auto activity = condition("Active", active, active ? "" : "NoTraffic",
                              active ? "" : "The target is not receiving traffic.", {});
    activity["severity"] = "Info";
    return {std::move(activity), ready_condition(revision, "ContainerHealthy"),
            ready_condition(revision, "Ready"), ready_condition(revision, "ResourcesAvailable")};
}

Item revision_item(const Snapshot& snapshot, const RevisionView& revision) {
    json::object object, status, container;
    object["metadata"] = metadata(revision.name_space, revision.revision, revision.created);
    object["metadata"].as_object()["uid"] =
        uid_of({"Revision", revision.name_space, revision.revision, rfc3339(revision.created)});
    object["metadata"].as_object()["generation"] = 1;
    object["metadata"].as_object()["labels"] = labels(revision.service, revision.revision);
    if (const auto generation = generation_of(revision); !generation.empty())
        object["metadata"].at("labels").as_object()["serving.knative.dev/configurationGeneration"] =
            generation;
    object["spec"] = revision_spec(snapshot, revision);
    container["name"] = container_name;
    container["imageDigest"] = revision.image;
    status["containerStatuses"] = json::array{std::move(container)};
    status["observedGeneration"] = 1;
    status["actualReplicas"] = revision.ready;
    status["desiredReplicas"] = revision.wanted;
    status["conditions"] = revision_conditions(revision);
    if (auto notes = annotations(revision); !notes.empty())
        object["metadata"].as_object()["annotations"] = std::move(notes);
    object["status"] = std::move(status);

    Item out{revision.name_space, revision.revision, revision.created, std::move(object), {}};
    out.cells.emplace_back(revision.revision);
    out.cells.emplace_back(revision.service);
    out.cells.emplace_back(generation_of(revision));
    out.cells.emplace_back(revision.crash_looping ? "False" : "True");
    out.cells.emplace_back(not_ready_reason(revision));
    out.cells.emplace_back(revision.ready);
    out.cells.emplace_back(revision.wanted);
    out.cells.emplace_back(revision.running);
    out.cells.emplace_back(revision.waiting);
    out.cells.emplace_back(revision.reason);
    return out;
}

Item service_item(const Snapshot& snapshot, const RevisionView& latest) {
    const auto url = url_of(latest);
    // Until the newest revision has a pod, an older one may still serve; at zero the newest is the one that
    // would.
    const RevisionView* serving = &latest;
    if (latest.ready == 0)
        for (const auto& other : snapshot.revisions)
            if (other.name_space == latest.name_space && other.service == latest.service && other.ready > 0)
                serving = &other;

    json::object object, status, traffic, address, spec, body;
    object["metadata"] = metadata(latest.name_space, latest.service, latest.created);
    object["metadata"].as_object()["generation"] = 1;
    object["metadata"].as_object()["uid"] =
        uid_of({"Service", latest.name_space, latest.service, rfc3339(latest.created)});
    body["spec"] = template_spec(latest);
    spec["template"] = std::move(body);
    object["spec"] = std::move(spec);
    if (!url.empty()) {
        status["url"] = url;
        address["url"] = url;
        status["address"] = std::move(address);
    }
    status["observedGeneration"] = 1;
    status["latestCreatedRevisionName"] = latest.revision;
    status["latestReadyRevisionName"] = serving->revision;
    status["conditions"] =
        json::array{ready_condition(latest, "ConfigurationsReady"), ready_condition(latest, "Ready"),
                    condition("RoutesReady", true, "", "", latest.created)};
    traffic["latestRevision"] = true;
    traffic["percent"] = 100;
    traffic["revisionName"] = latest.revision;
    status["traffic"] = json::array{std::move(traffic)};
    object["status"] = std::move(status);

    Item out{latest.name_space, latest.service, latest.created, std::move(object), {}};
    out.cells.emplace_back(latest.service);
    out.cells.emplace_back(url);
    out.cells.emplace_back(latest.revision);
    out.cells.emplace_back(serving->revision);
    out.cells.emplace_back(latest.crash_looping ? "False" : "True");
    out.cells.emplace_back(not_ready_reason(latest));
    if (const auto* view = given(snapshot, "Service", latest.name_space, latest.service))
        show_given(*view, out);
    return out;
}

std::string event_name_space(const EventView& event) {
    return event.name_space.empty() ? "default" : event.name_space;
}

std::string event_name(const EventView& event) {
    return fmt::format("{}.{:016x}", event.name, event.number);
}

Item event_item(const EventView& event) {
    const auto time = rfc3339(event.time);
    const auto name = event_name(event);
    const std::string_view type = event.warning ? "Warning" : "Normal";
    json::object object, about, source;
    object["metadata"] = metadata(event_name_space(event), name, event.time);
    object["metadata"].as_object()["uid"] = uid_of({"Event", name});
    const bool knative = event.kind == "Service" || event.kind == "Revision" || event.kind == "DomainMapping";
    about["apiVersion"] = event.kind == "Pod"             ? "v1"
                          : event.kind == "Gateway"       ? "pilotlight.dev/v1"
                          : event.kind == "DomainMapping" ? "serving.knative.dev/v1beta1"
                          : knative                       ? "serving.knative.dev/v1"
                                                          : "v1";
    about["kind"] = event.kind;
    if (!event.name_space.empty()) about["namespace"] = event.name_space;
    about["name"] = event.name;
    object["involvedObject"] = std::move(about);
    object["type"] = type;
    object["reason"] = event.reason;
    object["message"] = event.message;
    source["component"] = "pilotlight";
    object["source"] = std::move(source);
    object["firstTimestamp"] = object["lastTimestamp"] = time;
    object["count"] = 1;
    object["reportingComponent"] = "pilotlight";
    object["reportingInstance"] = "";
    object["eventTime"] = nullptr;

    Item out{event_name_space(event), name, event.time, std::move(object), {}};
    out.cells.emplace_back(nullptr);
    out.cells.emplace_back(type);
    out.cells.emplace_back(event.reason);
    out.cells.emplace_back(lower(event.kind) + "/" + event.name);
    out.cells.emplace_back(event.message);
    out.cells.emplace_back(name);
    return out;
}

}  // namespace admin
