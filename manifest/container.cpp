#include "manifest/container.hpp"

#include <algorithm>
#include <array>
#include <set>

#include "manifest/fields.hpp"
#include "manifest/ignored.hpp"
#include "manifest/names.hpp"
#include "manifest/probe.hpp"
#include "manifest/units.hpp"

namespace manifest {

namespace {

constexpr std::string_view gpu_resource = "nvidia.com/gpu";
constexpr std::int64_t most_gpus = 64;

// Set for every pod here, as in Knative (k8s_validation.go, reservedEnvVars).
bool reserved(std::string_view name) {
    constexpr std::array<std::string_view, 4> names{"PORT", "K_SERVICE", "K_CONFIGURATION", "K_REVISION"};
    return std::ranges::find(names, name) != names.end();
}

void read_port(const Node* list, const std::string& path, Problems& problems, pods::Container& container) {
    const auto& ports = read_list(list, path, problems);
    if (ports.empty()) return;
    if (ports.size() > 1)
        return problems.error(ports[1]->place,
                              path + ": more than one container port is set; keep the one that serves");
    Fields port(ports[0].get(), path_of_item(path, 0), problems);
    std::string protocol = "TCP";
    port.number("containerPort", container.port, 1, 65535);
    port.need("containerPort");
    port.text("name", container.port_name);
    port.one_of("protocol", protocol, {"TCP"});
    port.means_nothing({"hostPort", "hostIP"});
    port.close();
    if (container.port_name == "h2c")
        port.error(
            "name",
            "\"h2c\" is not spoken here, pods are asked in HTTP/1.1; name it \"http1\" or leave it out");
    else if (!container.port_name.empty() && container.port_name != "http1")
        port.error("name", "port name " + quote(container.port_name) +
                               " is not allowed; name it \"http1\" or leave it out");
}

// GPUs are whole and given as limits; requests, if any, are the same (Kubernetes: extended resources).
void read_gpus(Fields& resources, pods::Container& container) {
    const auto count = [&](const Node* map, std::string_view side) -> std::optional<std::int64_t> {
        Fields amounts(map, resources.path_of(side), resources.problems());
        if (!amounts) return std::nullopt;
        std::optional<std::int64_t> gpus;
        for (const auto& [name, place, value] : map->entries) {
            amounts.accept({name});
            if (name != gpu_resource) {
                resources.problems().warn_once("resources." + name, place,
                                               amounts.path_of(name) +
                                                   ": means nothing here and is ignored; only " +
                                                   std::string(gpu_resource) + " is dealt out");
                continue;
            }
            gpus = value->is_scalar() ? parse_integer(value->text) : std::nullopt;
            if (!gpus || *gpus < 0 || *gpus > most_gpus)
                amounts.error(name, "must be a whole number from 0 to " + std::to_string(most_gpus) +
                                        ", not " + describe(*value));
        }
        return gpus;
    };
    const Node* limits_node = resources.find("limits");
    const Node* requests_node = resources.find("requests");
    const auto limits = count(limits_node, "limits"), requests = count(requests_node, "requests");
    if (requests && !limits)
        resources.error("requests", "GPUs are given as limits: add limits: {" + std::string(gpu_resource) +
                                        ": " + std::to_string(*requests) + "}");
    else if (requests && *requests != *limits)
        resources.error("requests", std::string(gpu_resource) + " must be equal to the limit, " +
                                        std::to_string(*limits));
    if (limits && *limits >= 0 && *limits <= most_gpus) container.gpus = static_cast<int>(*limits);
}

PlacedContainer read_container(const Node& node, const std::string& path, Problems& problems) {
    Fields fields(&node, path, problems);
    PlacedContainer placed{{}, fields.place_of("image")};
    auto& container = placed.value;
    container.name = "user-container";  // Knative's default
    fields.text("name", container.name);
    if (const auto reason = not_dns1123_label(container.name); !reason.empty())
        fields.error("name", reason + ", not " + quote(container.name));
    fields.need_text("image", container.image);
    fields.texts("command", container.command);
    fields.texts("args", container.args);
    fields.text("workingDir", container.working_dir);
    container.env = read_env(fields.find("env"), fields.path_of("env"), problems);
    for (std::size_t i = 0; i < container.env.size(); ++i)
        if (reserved(container.env[i].name))
            fields.error("env", quote(container.env[i].name) +
                                    " is a reserved environment variable; it is set for every pod");
    read_port(fields.find("ports"), fields.path_of("ports"), problems, container);
    Fields resources(fields.find("resources"), fields.path_of("resources"), problems);
    read_gpus(resources, container);
    resources.means_nothing({"claims"});
    resources.close();
    const ProbePorts ports{container.port, container.port_name};
    container.readiness = read_probe(fields.find("readinessProbe"), fields.path_of("readinessProbe"),
                                     ProbeKind::readiness, ports, problems);
    container.liveness = read_probe(fields.find("livenessProbe"), fields.path_of("livenessProbe"),
                                    ProbeKind::liveness, ports, problems);
    container.startup = read_probe(fields.find("startupProbe"), fields.path_of("startupProbe"),
                                   ProbeKind::startup, ports, problems);
    if (fields.find("envFrom"))
        fields.error(
            "envFrom",
            "there are no ConfigMaps and Secrets to read here; write the variables under env with a value");
    fields.accept({"imagePullPolicy"});
    fields.means_nothing(ignored_container_fields);
    fields.means_nothing({"volumeMounts"}, "a pod sees this machine's files");
    fields.close();
    return placed;
}

bool has_port(const Node& container) {
    const Node* ports = container.find("ports");
    return ports && ports->is_list() && !ports->items.empty();
}

}  // namespace

std::vector<pods::EnvVar> read_env(const Node* list, const std::string& path, Problems& problems) {
    std::vector<pods::EnvVar> env;
    std::set<std::string, std::less<>> names;
    for (const auto& item : read_list(list, path, problems)) {
        Fields fields(item.get(), path_of_item(path, env.size()), problems);
        pods::EnvVar variable;
        const bool named = fields.need_text("name", variable.name);
        fields.text("value", variable.value);
        if (fields.find("valueFrom"))
            fields.error(
                "valueFrom",
                "there are no ConfigMaps, Secrets and pod fields to read here; write value: \"...\"");
        fields.close();
        if (named) {
            if (const auto reason = not_env_name(variable.name); !reason.empty())
                fields.error("name", reason + ", not " + quote(variable.name));
            else if (!names.insert(variable.name).second)
                fields.error("name", quote(variable.name) + " is there twice; only the last would count");
        }
        env.push_back(std::move(variable));
    }
    return env;
}

PlacedContainer read_containers(const Node* containers, const std::string& path, Problems& problems) {
    const auto& list = read_list(containers, path, problems);
    if (list.empty()) {
        if (containers && containers->is_list())
            problems.error(containers->place, path + ": must have one container");
        return {};
    }
    const auto serving =
        list.size() == 1 ? 1
                         : std::ranges::count_if(list, [](const NodePtr& item) { return has_port(*item); });
    if (serving != 1) {
        problems.error(list[1]->place, path + ": " + std::to_string(list.size()) + " containers, of which " +
                                           std::to_string(serving) + " have ports; exactly one may serve");
        return {};
    }
    std::size_t chosen = 0;
    for (std::size_t i = 0; i < list.size(); ++i) {
        if (list.size() == 1 || has_port(*list[i]))
            chosen = i;
        else
            problems.warning(
                list[i]->place,
                path_of_item(path, i) + ": a sidecar is not run here; only the container with a port is");
    }
    return read_container(*list[chosen], path_of_item(path, chosen), problems);
}

}  // namespace manifest
