// Pods, revisions, services and events in the shapes of Kubernetes and Knative, made from a snapshot. Pure.
#pragma once

#include "admin/resources.hpp"

namespace admin {

inline constexpr std::string_view container_name =
    "user-container";  // Knative's name for the manifest's one container

Item pod_item(const proxy::PodView&);
Item revision_item(const Snapshot&, const proxy::RevisionView&);
Item service_item(const Snapshot&, const proxy::RevisionView& latest);
Item event_item(const proxy::EventView&);

// Where an event is: what has no namespace (the Gateway) has its events in "default", as in Kubernetes.
std::string event_name_space(const proxy::EventView&);

// Kubernetes names an event after what it is about and a number.
std::string event_name(const proxy::EventView&);

}  // namespace admin
