#include "manifest/service.hpp"

#include <set>

#include "manifest/annotations.hpp"
#include "manifest/autoscaling.hpp"
#include "manifest/container.hpp"
#include "manifest/ignored.hpp"
#include "manifest/metadata.hpp"
#include "manifest/names.hpp"

namespace manifest {

namespace {

constexpr std::int64_t longest_timeout = 86'400;           // Knative's is 600; a batch of images takes longer
constexpr std::int64_t most_container_concurrency = 1000;  // container-concurrency-max-limit

TrafficTarget read_target(const NodePtr& node, const std::string& path, Problems& problems) {
    Fields fields(node.get(), path, problems);
    TrafficTarget target;
    bool latest = false;
    fields.number("percent", target.percent, 0, 100);
    fields.text("tag", target.tag);
    fields.text("revisionName", target.revision_name);
    fields.flag("latestRevision", latest);
    if (const auto reason = not_dns1123_label(target.revision_name);
        !target.revision_name.empty() && !reason.empty())
        fields.error("revisionName", reason + ", not " + quote(target.revision_name));
    if (latest && !target.revision_name.empty())
        fields.error("latestRevision", "may not be true when revisionName is given; keep one of them");
    if (fields.find("configurationName"))
        fields.error("configurationName",
                     "must not be set in a Service; use revisionName or latestRevision: true");
    if (const auto reason = not_dns1035_label(target.tag); !target.tag.empty() && !reason.empty())
        fields.error("tag", reason + ", not " + quote(target.tag));
    fields.accept({"url"});
    fields.close();
    return target;
}

void read_traffic(Fields& spec, PlacedService& service) {
    auto& problems = spec.problems();
    const Node* node = spec.find("traffic");
    const auto path = spec.path_of("traffic");
    std::set<std::string> tags;
    int sum = 0;
    for (const auto& item : read_list(node, path, problems)) {
        const auto item_path = path + "[" + std::to_string(service.traffic.size()) + "]";
        auto target = read_target(item, item_path, problems);
        sum += target.percent;
        if (!target.tag.empty() && !tags.insert(target.tag).second)
            problems.error(item->place, item_path + ".tag: " + quote(target.tag) +
                                            " is there twice; tags are unique in a Service");
        service.traffic.push_back(item->place);
        service.value.traffic.push_back(std::move(target));
    }
    if (!service.traffic.empty() && sum != 100)
        problems.error(node->place, path + ": Traffic targets sum to " + std::to_string(sum) + ", want 100");
}

void read_timeouts(Fields& spec, Service& service) {
    const auto limited = [&](std::string_view name, std::optional<seconds>& out) {
        seconds value{0};
        if (!spec.whole_seconds(name, value, 0, longest_timeout) || value == seconds{0}) return;  // 0: off
        if (value > service.timeout)
            return spec.error(name, "must be at most timeoutSeconds, " +
                                        std::to_string(service.timeout.count()) + ", not " +
                                        std::to_string(value.count()));
        out = value;
    };
    spec.whole_seconds("timeoutSeconds", service.timeout, 1, longest_timeout);
    limited("responseStartTimeoutSeconds", service.response_start_timeout);
    limited("idleTimeoutSeconds", service.idle_timeout);
}

void read_revision_spec(Fields& spec, PlacedService& placed) {
    auto& service = placed.value;
    spec.number("containerConcurrency", service.container_concurrency, 0, most_container_concurrency);
    service.pool.container_concurrency = service.container_concurrency;
    read_timeouts(spec, service);
    spec.whole_seconds("terminationGracePeriodSeconds", service.termination_grace, 0, longest_timeout);
    const Node* containers = spec.need("containers");
    auto container = read_containers(containers, spec.path_of("containers"), spec.problems());
    service.container = std::move(container.value);
    placed.image = container.image;
    spec.accept({"enableServiceLinks"});
    spec.means_nothing(ignored_pod_fields);
    spec.means_nothing({"volumes"}, "a pod sees this machine's files");
    spec.means_nothing({"initContainers"}, "do what they do on this machine before");
    spec.close();
}

// The template's metadata may be missing, unlike that of a document.
Annotations read_template_metadata(Fields& revision_template) {
    auto& problems = revision_template.problems();
    Fields metadata(revision_template.find("metadata"), revision_template.path_of("metadata"), problems);
    const auto annotations =
        read_annotations(metadata.find("annotations"), metadata.path_of("annotations"), problems);
    read_annotations(metadata.find("labels"), metadata.path_of("labels"), problems);
    metadata.means_nothing({"name"}, "revisions are named here");
    metadata.accept({"creationTimestamp", "namespace"});
    metadata.close();
    return annotations;
}

// Both cores are told; what Knative would refuse on the Service is said once.
void read_settings(const Annotations& own, const Annotations& from_template, const ClusterDefaults& defaults,
                   Service& service, Problems& problems) {
    for (const auto& [key, annotation] : own)
        if (key.starts_with(autoscaling_prefix))
            problems.warn_once(
                "autoscaling on Service", annotation.place,
                key + ": counts here, but Knative wants it under spec.template.metadata.annotations");
    service.scaling =
        resolve(merge_autoscaling(own, from_template), defaults, service.container_concurrency, problems);
    apply_annotations(own, from_template, service, problems);
    warn_idle_annotations(own, service.scaling.policy, problems);
    warn_idle_annotations(from_template, service.scaling.policy, problems);
    service.annotations = values(own);
    service.template_annotations = values(from_template);
}

}  // namespace

PlacedService read_service(const Node& document, const ClusterDefaults& defaults, Problems& problems) {
    PlacedService placed;
    auto& service = placed.value;
    Fields fields(&document, "", problems);
    fields.accept({"apiVersion", "kind", "status"});
    const auto metadata = read_metadata(fields.find("metadata"), document, "metadata", problems);
    if (const auto reason = not_dns1035_label(metadata.name); !metadata.name.empty() && !reason.empty())
        problems.error(metadata.name_place, "metadata.name: " + reason + ", not " + quote(metadata.name));
    service.name = metadata.name;
    service.name_space = metadata.name_space;
    service.labels = values(metadata.labels);
    service.file = std::string(document.place.file);
    service.line = document.place.line;
    placed.place = metadata.name_place;

    Fields spec(fields.need("spec"), "spec", problems);
    Fields revision_template(spec.need("template"), "spec.template", problems);
    const auto template_annotations = read_template_metadata(revision_template);
    Fields revision(revision_template.need("spec"), "spec.template.spec", problems);
    read_revision_spec(revision, placed);
    read_traffic(spec, placed);
    read_settings(metadata.annotations, template_annotations, defaults, service, problems);
    revision_template.close();
    spec.close();
    fields.close();
    return placed;
}

Placed<DomainMapping> read_domain_mapping(const Node& document, Problems& problems) {
    Placed<DomainMapping> placed;
    Fields fields(&document, "", problems);
    fields.accept({"apiVersion", "kind", "status"});
    const auto metadata = read_metadata(fields.find("metadata"), document, "metadata", problems);
    if (const auto reason = not_dns1123_subdomain(metadata.name); !metadata.name.empty() && !reason.empty())
        problems.error(metadata.name_place, "metadata.name: " + reason + ", not " + quote(metadata.name));
    placed.place = metadata.name_place;
    placed.value.host = metadata.name;
    placed.value.name_space = metadata.name_space;

    Fields spec(fields.need("spec"), "spec", problems);
    Fields ref(spec.need("ref"), "spec.ref", problems);
    std::string kind = "Service", name_space = metadata.name_space, api = "serving.knative.dev/v1";
    ref.one_of("kind", kind, {"Service"});
    ref.one_of("apiVersion", api, {"serving.knative.dev/v1"});
    ref.need_text("name", placed.value.service);
    ref.text("namespace", name_space);
    if (name_space != metadata.name_space)
        ref.error("namespace", "must be the namespace of the DomainMapping, " + quote(metadata.name_space));
    ref.close();
    spec.means_nothing({"tls"});
    spec.close();
    fields.close();
    return placed;
}

}  // namespace manifest
