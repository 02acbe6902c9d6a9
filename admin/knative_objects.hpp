// What Knative has beside Services and Revisions, and Kubernetes beside pods: derived from the same snapshot,
// for the commands of kubectl and kn that look there. Pure.
#pragma once

#include "admin/resources.hpp"

namespace admin {

// A Service's Configuration (its template) and Route (its traffic).
Item configuration_item(const Item& service);
Item route_item(const Item& service);

// "default", and every other namespace that something is in.
std::vector<std::string> namespaces_of(const Snapshot&);
Item namespace_item(const std::string& name);

// events.k8s.io/v1: the same events in other words.
Item new_event_item(const proxy::EventView&);

// The same for the same words; in the shape of a UUID (RFC 9562 version 8).
std::string uid_of(std::initializer_list<std::string_view> words);

}  // namespace admin
