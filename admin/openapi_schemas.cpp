#include "admin/openapi_schemas.hpp"

#include <boost/json/array.hpp>
#include <span>

#include "manifest/annotations.hpp"
#include "manifest/autoscaling.hpp"

namespace admin {
namespace {

namespace json = boost::json;

// A field by its path; "[]" after a name: a list of such. Types beside JSON's: "map" of texts, "texts" is a
// list of them, "quantity" is a number or a text.
struct FieldOf {
    std::string_view path, type, description;
};

constexpr FieldOf metadata_fields[] = {
    {"apiVersion", "string", "The version of the API that the object is written for"},
    {"kind", "string", "What it is"},
    {"metadata", "object", "What every object has"},
    {"metadata.name", "string", "Its name, unique in its namespace"},
    {"metadata.namespace", "string", "Its namespace; default if not given"},
    {"metadata.labels", "map", "Labels, by which it can be selected"},
    {"metadata.annotations", "map", "Notes for programs, and settings"},
    {"metadata.uid", "string", "Of this object and no later one of its name"},
    {"metadata.resourceVersion", "string", "Changes with the object: for watches, and against lost updates"},
    {"metadata.generation", "integer", "Counts changes of the spec"},
    {"metadata.creationTimestamp", "string", "When it was made"},
};

constexpr FieldOf container_fields[] = {
    {"", "object", "One container: how the pod's program runs"},
    {"name", "string", "Its name; user-container if not given"},
    {"image", "string", "What it runs; the Gateway's driver says how an image runs on this machine"},
    {"command", "texts", "The program and its first arguments; the image's own if not given"},
    {"args", "texts", "Arguments; $(VAR) is replaced by the variable's value"},
    {"workingDir", "string", "Where it runs"},
    {"env[]", "object",
     "Environment variables. PORT, K_SERVICE, K_CONFIGURATION and K_REVISION are set for every pod"},
    {"env[].name", "string", "Its name"},
    {"env[].value", "string", "Its value; $(VAR) is replaced by another one's"},
    {"ports[]", "object", "At most one: where it listens; 8080 if not given"},
    {"ports[].containerPort", "integer", "1 to 65535; the pod itself is told a free port in PORT"},
    {"ports[].name", "string", "http1, or nothing"},
    {"ports[].protocol", "string", "TCP"},
    {"resources", "object", "What it needs"},
    {"resources.limits", "map", "Only nvidia.com/gpu is dealt out, whole ones"},
    {"resources.requests", "map", "For nvidia.com/gpu the same as its limit"},
    {"imagePullPolicy", "string", "Means nothing for programs on this machine"},
};

constexpr FieldOf probe_fields[] = {
    {"tcpSocket", "object", "It passes when its port can be connected to"},
    {"tcpSocket.port", "quantity", "A number or the port's name; the container's port if not given"},
    {"httpGet", "object", "It passes with a status from 200 to 399"},
    {"httpGet.path", "string", "What to ask for"},
    {"httpGet.port", "quantity", "A number or the port's name; the container's port if not given"},
    {"httpGet.scheme", "string", "HTTP"},
    {"httpGet.httpHeaders[]", "object", "Fields to send"},
    {"httpGet.httpHeaders[].name", "string", "The field's name"},
    {"httpGet.httpHeaders[].value", "string", "The field's value"},
    {"exec", "object", "It passes when a command exits with 0"},
    {"exec.command", "texts", "The command and its arguments"},
    {"initialDelaySeconds", "integer", "How long after its start it is first asked"},
    {"periodSeconds", "integer", "How often it is asked"},
    {"timeoutSeconds", "integer", "How long an answer may take"},
    {"successThreshold", "integer", "Passes in a row that count"},
    {"failureThreshold", "integer", "Failures in a row that count"},
};

constexpr FieldOf revision_fields[] = {
    {"", "object", "What a pod of the revision is"},
    {"containerConcurrency", "integer",
     "Requests that a pod may have at a time; 1 for what owns a GPU, 0: no bound"},
    {"timeoutSeconds", "integer",
     "How long a pod may work on a request, from when it has it; 300 if not given"},
    {"responseStartTimeoutSeconds", "integer", "How long until its response must begin"},
    {"idleTimeoutSeconds", "integer", "How long its response may say nothing"},
    {"terminationGracePeriodSeconds", "integer", "From SIGTERM to SIGKILL, once its last request is done"},
    {"containers[]", "object", "Exactly one"},
};

constexpr FieldOf condition_fields[] = {
    {"conditions[]", "object", "What is so, and what is not"},
    {"conditions[].type", "string", "What about; Ready says it all in one"},
    {"conditions[].status", "string", "True, False or Unknown"},
    {"conditions[].reason", "string", "Why, in a word"},
    {"conditions[].message", "string", "Why, in a sentence"},
    {"conditions[].lastTransitionTime", "string", "Since when"},
};

constexpr FieldOf service_fields[] = {
    {"", "object",
     "A Service is what answers under one name: a template of its pods, and the autoscaler that decides how "
     "many "
     "there are"},
    {"spec", "object", "What is wanted"},
    {"spec.template", "object",
     "What its newest revision is made of; a change of its spec makes a new revision"},
    {"spec.template.metadata", "object", "Labels and annotations of the revision"},
    {"spec.template.metadata.name", "string", "The revision's name; made up if not given"},
    {"spec.template.metadata.labels", "map", "Labels of the revision and its pods"},
    {"spec.template.metadata.annotations", "map", "Settings; they win over the Service's own"},
    {"spec.traffic[]", "object", "Where requests go; all to the latest revision if not given"},
    {"spec.traffic[].revisionName", "string", "To this revision"},
    {"spec.traffic[].latestRevision", "boolean", "To the newest that is ready"},
    {"spec.traffic[].percent", "integer", "So many of a hundred"},
    {"spec.traffic[].tag", "string", "A host name of its own: TAG-SERVICE.NAMESPACE.DOMAIN"},
    {"status", "object", "What is so"},
    {"status.url", "string", "Where it is reached"},
    {"status.address", "object", "Where it is reached"},
    {"status.address.url", "string", "Where it is reached"},
    {"status.latestCreatedRevisionName", "string", "The newest revision"},
    {"status.latestReadyRevisionName", "string", "The newest revision that can serve"},
    {"status.observedGeneration", "integer", "The generation that the status is about"},
    {"status.traffic[]", "object", "Where requests go"},
    {"status.traffic[].revisionName", "string", "To this revision"},
    {"status.traffic[].percent", "integer", "So many of a hundred"},
    {"status.traffic[].latestRevision", "boolean", "Because it is the newest"},
};

constexpr FieldOf revision_kind_fields[] = {
    {"", "object",
     "A Revision is a Service's template as it was at one time, with the pods that were made of it"},
    {"spec", "object", "What its pods are"},
    {"status", "object", "What is so"},
    {"status.actualReplicas", "integer", "Pods that are ready"},
    {"status.desiredReplicas", "integer", "Pods that are wanted"},
    {"status.observedGeneration", "integer", "The generation that the status is about"},
};

constexpr FieldOf configuration_fields[] = {
    {"", "object", "A Configuration is a Service's template; it is changed in the Service"},
    {"spec", "object", "What is wanted"},
    {"spec.template", "object", "What its newest revision is made of"},
    {"status", "object", "What is so"},
    {"status.latestCreatedRevisionName", "string", "The newest revision"},
    {"status.latestReadyRevisionName", "string", "The newest revision that can serve"},
};

constexpr FieldOf route_fields[] = {
    {"", "object", "A Route is where a Service's requests go; it is changed in the Service"},
    {"spec", "object", "What is wanted"},
    {"spec.traffic[]", "object", "Where requests go"},
    {"status", "object", "What is so"},
    {"status.url", "string", "Where it is reached"},
};

constexpr FieldOf domain_mapping_fields[] = {
    {"", "object", "A DomainMapping leads a host name to a Service; its own name is the host"},
    {"spec", "object", "What is wanted"},
    {"spec.ref", "object", "Where it leads"},
    {"spec.ref.kind", "string", "Service"},
    {"spec.ref.name", "string", "The Service's name, in the same namespace"},
    {"spec.ref.apiVersion", "string", "serving.knative.dev/v1"},
    {"status", "object", "What is so"},
    {"status.url", "string", "Where it is reached"},
};

constexpr FieldOf pod_fields[] = {
    {"", "object", "A Pod is one running copy of a revision's container. The autoscaler makes and ends pods"},
    {"spec", "object", "What it runs"},
    {"spec.containers[]", "object", "Its one container"},
    {"spec.containers[].name", "string", "user-container"},
    {"spec.containers[].image", "string", "What it runs"},
    {"status", "object", "What is so"},
    {"status.phase", "string", "Pending, Running or Failed"},
    {"status.podIP", "string", "Where it listens"},
    {"status.startTime", "string", "When it was started"},
    {"status.containerStatuses[]", "object", "Of its one container"},
    {"status.containerStatuses[].ready", "boolean", "Whether it passes its readiness probe"},
    {"status.containerStatuses[].restartCount", "integer", "How often its process was started again"},
    {"status.containerStatuses[].state", "object", "waiting, running or terminated"},
};

constexpr FieldOf event_fields[] = {
    {"", "object", "An Event is something that happened; the last thousand are kept"},
    {"type", "string", "Normal or Warning"},
    {"reason", "string", "What happened, in a word"},
    {"message", "string", "What happened, in a sentence"},
    {"involvedObject", "object", "To what"},
    {"involvedObject.kind", "string", "Pod, Revision, Service or Gateway"},
    {"involvedObject.name", "string", "Its name"},
    {"involvedObject.namespace", "string", "Its namespace"},
    {"firstTimestamp", "string", "When"},
    {"lastTimestamp", "string", "When"},
    {"count", "integer", "How often"},
};

constexpr FieldOf new_event_fields[] = {
    {"", "object", "An Event is something that happened; the last thousand are kept"},
    {"type", "string", "Normal or Warning"},
    {"reason", "string", "What happened, in a word"},
    {"note", "string", "What happened, in a sentence"},
    {"regarding", "object", "To what"},
    {"regarding.kind", "string", "Pod, Revision, Service or Gateway"},
    {"regarding.name", "string", "Its name"},
    {"regarding.namespace", "string", "Its namespace"},
};

constexpr FieldOf namespace_fields[] = {
    {"", "object", "A Namespace is there as long as something is in it, and default always"},
    {"status", "object", "What is so"},
    {"status.phase", "string", "Active"},
};

json::object of_type(std::string_view type, std::string_view description) {
    json::object out, inner;
    out["description"] = description;
    out["type"] = type == "map" ? "object" : type == "texts" ? "array" : type;
    inner["type"] = "string";
    if (type == "map") out["additionalProperties"] = std::move(inner);
    if (type == "texts") out["items"] = std::move(inner);
    if (type == "quantity") {
        out["type"] = "string";
        out["x-kubernetes-int-or-string"] = true;
    }
    return out;
}

// The schema at a path below another; what is on the way is made.
json::object& at(json::object& root, std::string_view path) {
    json::object* here = &root;
    while (!path.empty()) {
        const auto dot = path.find('.');
        auto name = path.substr(0, dot);
        path = dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1);
        const bool list = name.ends_with("[]");
        if (list) name.remove_suffix(2);
        auto& properties = (*here)["properties"];
        if (!properties.is_object()) properties.emplace_object();
        auto& found = properties.as_object()[name];
        if (!found.is_object()) found = of_type(list ? "array" : "object", "");
        here = &found.as_object();
        if (!list) continue;
        auto& items = (*here)["items"];
        if (!items.is_object()) items = of_type("object", "");
        here = &items.as_object();
    }
    return *here;
}

void add(json::object& root, std::string_view below, std::span<const FieldOf> fields) {
    for (const auto& field : fields) {
        if (field.path.empty() && !below.empty() && !below.ends_with("[]")) {
            at(root, below)["description"] = field.description;
            continue;
        }
        std::string path(below);
        if (!path.empty() && !field.path.empty()) path += '.';
        path += field.path;
        auto described = of_type(field.type, field.description);
        for (auto& [key, value] : described) at(root, path)[key] = value;
        if (!path.ends_with("[]")) continue;  // a list is described as what is in it
        const auto dot = path.rfind('.');
        auto& holder =
            at(root, dot == std::string::npos ? std::string_view() : std::string_view(path).substr(0, dot));
        const auto name = path.substr(dot == std::string::npos ? 0 : dot + 1);
        holder["properties"].as_object()[name.substr(0, name.size() - 2)].as_object()["description"] =
            field.description;
    }
}

void add_revision(json::object& root, const std::string& below) {
    add(root, below, revision_fields);
    const auto container = below + ".containers[]";
    add(root, container, container_fields);
    for (const auto& [name, description] : {std::pair{"readinessProbe", "Whether it can take requests"},
                                            std::pair{"livenessProbe", "Whether it must be started again"},
                                            std::pair{"startupProbe",
                                                      "Whether it has started: before that "
                                                      "the others are not asked"}}) {
        const auto probe = container + "." + name;
        at(root, probe) = of_type("object", description);
        add(root, probe, probe_fields);
    }
}

void add_annotations(json::object& root, std::string_view below) {
    json::object known;
    const auto note = [&](std::string key, std::string_view meaning, std::string_view fallback,
                          std::string_view valid) {
        known[key] = of_type("string", std::string(meaning) + ". Valid: " + std::string(valid) +
                                           ". If not given: " + std::string(fallback));
    };
    for (const auto& rule : manifest::annotation_rules())
        note(std::string(rule.key), rule.meaning, rule.fallback, rule.valid);
    for (const auto& key : manifest::autoscaling_keys())
        note(std::string(manifest::autoscaling_prefix) + std::string(key.name), key.meaning, key.fallback,
             key.valid);
    at(root, below)["properties"] = std::move(known);
}

}  // namespace

json::object schema_of(std::string_view group, std::string_view kind) {
    json::object out;
    add(out, "", metadata_fields);
    if (kind == "Service") {
        add(out, "", service_fields);
        add(out, "status", condition_fields);
        add_revision(out, "spec.template.spec");
        add_annotations(out, "metadata.annotations");
        add_annotations(out, "spec.template.metadata.annotations");
    } else if (kind == "Revision") {
        add(out, "", revision_kind_fields);
        add(out, "status", condition_fields);
        add_revision(out, "spec");
    } else if (kind == "Configuration") {
        add(out, "", configuration_fields);
        add(out, "status", condition_fields);
        add_revision(out, "spec.template.spec");
    } else if (kind == "Route") {
        add(out, "", route_fields);
        add(out, "status", condition_fields);
    } else if (kind == "DomainMapping") {
        add(out, "", domain_mapping_fields);
        add(out, "status", condition_fields);
    } else if (kind == "Pod") {
        add(out, "", pod_fields);
        add(out, "status", condition_fields);
    } else if (kind == "Event") {
        add(out, "",
            group.empty() ? std::span<const FieldOf>(event_fields)
                          : std::span<const FieldOf>(new_event_fields));
    } else if (kind == "Namespace") {
        add(out, "", namespace_fields);
    }
    return out;
}

}  // namespace admin
