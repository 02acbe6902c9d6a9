#include "admin/resources.hpp"

#include <algorithm>
#include <array>

#include "admin/given.hpp"
#include "admin/knative_objects.hpp"
#include "admin/objects.hpp"

namespace admin {
namespace {

using proxy::RevisionView;

// Columns as kubectl prints them: k8s.io/kubernetes pkg/printers/internalversion for the core,
// additionalPrinterColumns of Knative's CRDs for the others. Those of priority 1 are ours where Kubernetes'
// own would be empty here.
constexpr std::array pod_columns{
    Column{"Name", "string", "name", "Name of the pod"},
    Column{"Ready", "string", "", "1/1: passes its readiness probe"},
    Column{"Status", "string", "", "State of the pod"},
    Column{"Restarts", "string", "", "How often its process was started again"},
    Column{"Age", "string", "", "Time since it was made", 0, true},
    Column{"Address", "string", "", "Where it listens", 1},
    Column{"GPU", "string", "", "What was dealt to it", 1},
    Column{"Busy", "string", "", "Generations running, of so many slots", 1},
    Column{"Sessions", "integer", "", "Browsers bound to it", 1},
};
constexpr std::array service_columns{
    Column{"Name", "string", "name", "Name of the service"},
    Column{"URL", "string", "", "Where it is reached"},
    Column{"LatestCreated", "string", "", "Newest revision"},
    Column{"LatestReady", "string", "", "Newest revision that can serve"},
    Column{"Ready", "string", "", "Whether its pods can be had"},
    Column{"Reason", "string", "", "Why not"},
};
constexpr std::array revision_columns{
    Column{"Name", "string", "name", "Name of the revision"},
    Column{"Config Name", "string", "", "Its service"},
    Column{"Generation", "string", "", "Which of its service's revisions it is"},
    Column{"Ready", "string", "", "Whether its pods can be had"},
    Column{"Reason", "string", "", "Why not"},
    Column{"Actual Replicas", "integer", "", "Pods that are ready"},
    Column{"Desired Replicas", "integer", "", "Pods that are wanted"},
    Column{"Running", "integer", "", "Requests that hold a slot", 1},
    Column{"Waiting", "integer", "", "Requests that wait for one", 1},
    Column{"Why", "string", "", "Why so many pods are wanted", 1},
};
constexpr std::array domain_mapping_columns{
    Column{"Name", "string", "name", "The host"},
    Column{"URL", "string", "", "Where it is reached"},
    Column{"Ready", "string", "", "Whether it leads anywhere"},
    Column{"Reason", "string", "", "Why not"},
    Column{"Service", "string", "", "Where it leads", 1},
};
constexpr std::array configuration_columns{
    Column{"Name", "string", "name", "Name of the configuration, and of its service"},
    Column{"LatestCreated", "string", "", "Newest revision"},
    Column{"LatestReady", "string", "", "Newest revision that can serve"},
    Column{"Ready", "string", "", "Whether the newest can serve"},
    Column{"Reason", "string", "", "Why not"},
};
constexpr std::array route_columns{
    Column{"Name", "string", "name", "Name of the route, and of its service"},
    Column{"URL", "string", "", "Where it is reached"},
    Column{"Ready", "string", "", "Whether it leads to its service"},
    Column{"Reason", "string", "", "Why not"},
};
constexpr std::array namespace_columns{
    Column{"Name", "string", "name", "Name of the namespace"},
    Column{"Status", "string", "", "Active"},
    Column{"Age", "string", "", "Time since it was made", 0, true},
};
constexpr std::array event_columns{
    Column{"Last Seen", "string", "", "Time since it happened", 0, true},
    Column{"Type", "string", "", "Normal or Warning"},
    Column{"Reason", "string", "", "What happened, in a word"},
    Column{"Object", "string", "", "To what"},
    Column{"Message", "string", "", "What happened, in a sentence"},
    Column{"Name", "string", "name", "Name of the event", 1},
};

constexpr std::array<std::string_view, 1> pod_short{"po"}, event_short{"ev"}, revision_short{"rev"},
    domain_mapping_short{"dm"}, route_short{"rt"}, namespace_short{"ns"};
constexpr std::array<std::string_view, 2> service_short{"kservice", "ksvc"},
    configuration_short{"config", "cfg"};

std::vector<Key> pod_keys(const Snapshot& snapshot) {
    std::vector<Key> out;
    for (std::size_t i = 0; i < snapshot.pods.size(); ++i)
        out.push_back({snapshot.pods[i].name_space, snapshot.pods[i].name, i});
    return out;
}

std::vector<Key> revision_keys(const Snapshot& snapshot) {
    std::vector<Key> out;
    for (std::size_t i = 0; i < snapshot.revisions.size(); ++i)
        out.push_back({snapshot.revisions[i].name_space, snapshot.revisions[i].revision, i});
    return out;
}

// Each service once, by its newest revision.
std::vector<Key> service_keys(const Snapshot& snapshot) {
    const auto newer = [](const RevisionView& a, const RevisionView& b) {
        return a.retiring != b.retiring ? b.retiring : a.created > b.created;
    };
    std::vector<Key> out;
    for (std::size_t i = 0; i < snapshot.revisions.size(); ++i) {
        const auto& view = snapshot.revisions[i];
        const auto known = std::ranges::find_if(out, [&](const Key& key) {
            return key.name_space == view.name_space && key.name == view.service;
        });
        if (known == out.end())
            out.push_back({view.name_space, view.service, i});
        else if (newer(view, snapshot.revisions[known->index]))
            known->index = i;
    }
    // One that is gone has revisions for as long as their pods need to go.
    std::erase_if(out, [&](const Key& key) { return snapshot.revisions[key.index].retiring; });
    return out;
}

std::vector<Key> event_keys(const Snapshot& snapshot) {
    std::vector<Key> out;
    for (std::size_t i = 0; i < snapshot.events.size(); ++i)
        out.push_back({event_name_space(snapshot.events[i]), event_name(snapshot.events[i]), i});
    return out;
}

std::vector<Key> namespace_keys(const Snapshot& snapshot) {
    std::vector<Key> out;
    for (auto& name : namespaces_of(snapshot)) out.push_back({"", std::move(name), out.size()});
    return out;
}

Item make_pod(const Snapshot& s, std::size_t i) {
    return pod_item(s.pods[i]);
}
Item make_revision(const Snapshot& s, std::size_t i) {
    return revision_item(s, s.revisions[i]);
}
Item make_service(const Snapshot& s, std::size_t i) {
    return service_item(s, s.revisions[i]);
}
Item make_event(const Snapshot& s, std::size_t i) {
    return event_item(s.events[i]);
}
Item make_new_event(const Snapshot& s, std::size_t i) {
    return new_event_item(s.events[i]);
}
Item make_configuration(const Snapshot& s, std::size_t i) {
    return configuration_item(make_service(s, i));
}
Item make_route(const Snapshot& s, std::size_t i) {
    return route_item(make_service(s, i));
}
Item make_namespace(const Snapshot& s, std::size_t i) {
    return namespace_item(namespaces_of(s)[i]);
}

constexpr std::string_view knative = "serving.knative.dev", events_group = "events.k8s.io";

constexpr std::array all{
    Resource{"", "v1", "Pod", "pods", "pod", pod_short, pod_columns, false, pod_keys, make_pod},
    Resource{"", "v1", "Event", "events", "event", event_short, event_columns, true, event_keys, make_event},
    Resource{"", "v1", "Namespace", "namespaces", "namespace", namespace_short, namespace_columns, false,
             namespace_keys, make_namespace, false},
    Resource{knative, "v1", "Service", "services", "service", service_short, service_columns, false,
             service_keys, make_service},
    Resource{knative, "v1", "Revision", "revisions", "revision", revision_short, revision_columns, false,
             revision_keys, make_revision},
    Resource{knative, "v1", "Configuration", "configurations", "configuration", configuration_short,
             configuration_columns, false, service_keys, make_configuration},
    Resource{knative, "v1", "Route", "routes", "route", route_short, route_columns, false, service_keys,
             make_route},
    Resource{knative, "v1beta1", "DomainMapping", "domainmappings", "domainmapping", domain_mapping_short,
             domain_mapping_columns, false, domain_mapping_keys, domain_mapping_item},
    Resource{events_group, "v1", "Event", "events", "event", event_short, event_columns, true, event_keys,
             make_new_event},
};

}  // namespace

std::span<const Resource> resources() {
    return all;
}

std::string api_version(const Resource& resource) {
    return resource.group.empty() ? std::string(resource.version)
                                  : std::string(resource.group) + "/" + std::string(resource.version);
}

std::string full_name(const Resource& resource) {
    return resource.group.empty() ? std::string(resource.plural)
                                  : std::string(resource.plural) + "." + std::string(resource.group);
}

}  // namespace admin
