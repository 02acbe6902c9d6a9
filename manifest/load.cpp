#include "manifest/load.hpp"

#include <algorithm>
#include <array>
#include <map>

#include "manifest/crosscheck.hpp"
#include "manifest/metadata.hpp"
#include "manifest/yaml.hpp"

namespace manifest {

namespace {

enum class Kind { service, domain_mapping, config_autoscaler, gateway, ignored, unknown };

constexpr std::string_view known_kinds =
    "serving.knative.dev/v1 Service, serving.knative.dev/v1beta1 DomainMapping, v1 ConfigMap "
    "config-autoscaler and "
    "pilotlight.dev/v1 Gateway";

// Kinds of Kubernetes that commonly come in the same file and that a gateway has no use for.
constexpr std::array<std::string_view, 5> bystanders{"Namespace", "Secret", "ServiceAccount",
                                                     "PersistentVolume", "PersistentVolumeClaim"};

struct Versioned {
    std::string_view api, name;
    Kind kind;
};
constexpr std::array versions{
    Versioned{"serving.knative.dev/v1", "Service", Kind::service},
    Versioned{"serving.knative.dev/v1beta1", "DomainMapping", Kind::domain_mapping},
    Versioned{"pilotlight.dev/v1", "Gateway", Kind::gateway},
};

Kind kind_of_config_map(const Node& document, const Place& place, Problems& problems) {
    const Node* metadata = document.find("metadata");
    const Node* name = metadata && metadata->is_map() ? metadata->find("name") : nullptr;
    if (name && name->is_scalar() && name->text == "config-autoscaler") return Kind::config_autoscaler;
    problems.warning(place, "a ConfigMap" + (name && name->is_scalar() ? " named " + quote(name->text) : "") +
                                " means nothing here and is ignored; only config-autoscaler is read");
    return Kind::ignored;
}

Kind unknown_kind(std::string_view api, std::string_view name, Fields& fields, Problems& problems) {
    std::vector<std::string_view> names;
    for (const auto& version : versions) {
        names.push_back(version.name);
        if (version.name != name) continue;
        fields.error("apiVersion", "must be " + std::string(version.api) + " for a " + std::string(name) +
                                       ", not " + quote(api));
        return Kind::unknown;
    }
    problems.error(fields.place_of("kind"), "kind " + quote(name) + " is not known here" +
                                                did_you_mean(name, names) + "; known are " +
                                                std::string(known_kinds));
    return Kind::unknown;
}

Kind kind_of(const Node& document, Problems& problems) {
    if (!document.is_map()) {
        problems.error(document.place,
                       "a manifest must be a mapping with apiVersion and kind, not " + describe(document));
        return Kind::unknown;
    }
    Fields fields(&document, "", problems);
    std::string api, name;
    fields.need("apiVersion");
    fields.need("kind");
    fields.text("apiVersion", api);
    fields.text("kind", name);
    if (api.empty() || name.empty()) return Kind::unknown;
    for (const auto& version : versions)
        if (version.api == api && version.name == name) return version.kind;
    const auto place = fields.place_of("kind");
    if (api == "v1" && name == "ConfigMap") return kind_of_config_map(document, place, problems);
    if (std::ranges::find(bystanders, name) != bystanders.end() && api == "v1") {
        problems.warn_once("kind " + name, place, "a " + name + " means nothing here and is ignored");
        return Kind::ignored;
    }
    return unknown_kind(api, name, fields, problems);
}

using Documents = std::map<Kind, std::vector<NodePtr>>;

Documents sort_documents(std::span<const Source> sources, Problems& problems) {
    Documents documents;
    for (const auto& source : sources)
        for (auto& document : parse_yaml(source.name, source.text, problems))
            documents[kind_of(*document, problems)].push_back(document);
    return documents;
}

// At most one document of a kind: the places of both are named.
const Node* only(const std::vector<NodePtr>& documents, const std::string& what, Problems& problems) {
    for (std::size_t i = 1; i < documents.size(); ++i)
        problems.error(documents[i]->place,
                       "a second " + what + "; the first is at " + to_string(documents[0]->place));
    return documents.empty() ? nullptr : documents[0].get();
}

ClusterDefaults read_config_autoscaler(const Node* document, Problems& problems) {
    if (!document) return {};
    Fields fields(document, "", problems);
    fields.accept({"apiVersion", "kind", "immutable", "binaryData"});
    read_metadata(fields.find("metadata"), *document, "metadata", problems);
    const auto data = read_annotations(fields.find("data"), "data", problems);
    fields.close();
    return read_cluster_defaults(data, problems);
}

Document document_of(const char* api_version, const char* kind, const std::string& name_space, const std::string& name,
                     const NodePtr& tree) {
    return {api_version, kind, name_space, name, std::string(tree->place.file), tree->place.line, tree};
}

}  // namespace

Loaded load(std::span<const Source> sources) {
    Problems problems;
    auto documents = sort_documents(sources, problems);
    Everything all;
    if (const Node* gateway = only(documents[Kind::gateway], "Gateway", problems))
        all.gateway = read_gateway(*gateway, problems);
    const auto defaults = read_config_autoscaler(
        only(documents[Kind::config_autoscaler], "ConfigMap config-autoscaler", problems), problems);
    for (const auto& document : documents[Kind::service])
        all.services.push_back(read_service(*document, defaults, problems));
    for (const auto& document : documents[Kind::domain_mapping])
        all.domain_mappings.push_back(read_domain_mapping(*document, problems));
    check_together(all, problems);

    Loaded loaded;
    for (std::size_t i = 0; i < all.services.size(); ++i)
        loaded.documents.push_back(document_of("serving.knative.dev/v1", "Service", all.services[i].value.name_space,
                                               all.services[i].value.name, documents[Kind::service][i]));
    for (std::size_t i = 0; i < all.domain_mappings.size(); ++i)
        loaded.documents.push_back(document_of("serving.knative.dev/v1beta1", "DomainMapping",
                                               all.domain_mappings[i].value.name_space,
                                               all.domain_mappings[i].value.host,
                                               documents[Kind::domain_mapping][i]));
    if (!problems.failed()) {
        loaded.configuration.emplace();
        loaded.configuration->gateway = std::move(all.gateway.value);
        for (auto& service : all.services) loaded.configuration->services.push_back(std::move(service.value));
        for (auto& mapping : all.domain_mappings)
            loaded.configuration->domain_mappings.push_back(std::move(mapping.value));
    }
    std::vector<std::string_view> names;
    for (const auto& source : sources) names.push_back(source.name);
    loaded.problems = problems.take(names);
    return loaded;
}

}  // namespace manifest
