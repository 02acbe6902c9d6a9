#include "manifest/probe.hpp"

#include "manifest/names.hpp"
#include "manifest/units.hpp"

namespace manifest {

namespace {

constexpr std::int64_t most_seconds = 86'400;
constexpr std::int64_t most_times = 100'000;

// A number, or the name of the container's port.
std::uint16_t read_port(Fields& action, const ProbePorts& ports) {
    const Node* node = action.find("port");
    if (!node) return ports.port;
    const auto number = node->is_scalar() ? parse_integer(node->text) : std::nullopt;
    if (number && node->plain) {
        if (*number >= 1 && *number <= 65535) return static_cast<std::uint16_t>(*number);
        // Knative leaves 0 for the container's own port.
        if (*number != 0) action.error("port", "must be from 1 to 65535, not " + node->text);
        return ports.port;
    }
    if (node->is_scalar() && !ports.name.empty() && node->text == ports.name) return ports.port;
    action.error(
        "port", describe(*node) + " is no port of this container; " +
                    (ports.name.empty() ? "it has no named port" : "its port is named " + quote(ports.name)) +
                    " and its number is " + std::to_string(ports.port));
    return ports.port;
}

pods::TcpSocketAction read_tcp(const Node* node, const std::string& path, const ProbePorts& ports,
                               Problems& problems) {
    Fields fields(node, path, problems);
    pods::TcpSocketAction action{read_port(fields, ports)};
    fields.means_nothing({"host"}, "the pod itself is probed");
    fields.close();
    return action;
}

pods::HttpGetAction read_http(const Node* node, const std::string& path, const ProbePorts& ports,
                              Problems& problems) {
    Fields fields(node, path, problems);
    pods::HttpGetAction action;
    std::string scheme = "HTTP";
    fields.text("path", action.path);
    if (!action.path.starts_with('/')) action.path.insert(0, "/");
    if (action.path.find_first_of(" \t\r\n") != std::string::npos)
        fields.error("path", "must have no spaces; write %20");
    action.port = read_port(fields, ports);
    fields.text("host", action.host);
    if (action.host.find_first_of(" \t\r\n/") != std::string::npos)
        fields.error("host", "must be a host name");
    fields.one_of("scheme", scheme, {"HTTP"});
    const auto list_path = fields.path_of("httpHeaders");
    for (const auto& item : read_list(fields.find("httpHeaders"), list_path, problems)) {
        Fields header(item.get(), list_path + "[" + std::to_string(action.headers.size()) + "]", problems);
        auto& [name, value] = action.headers.emplace_back();
        const bool named = header.need_text("name", name);
        header.text("value", value);
        header.close();
        if (named && !is_token(name)) header.error("name", quote(name) + " is no name of a header");
        if (value.find_first_of("\r\n") != std::string::npos) header.error("value", "must be one line");
    }
    fields.close();
    return action;
}

pods::ExecAction read_exec(const Node* node, const std::string& path, Problems& problems) {
    Fields fields(node, path, problems);
    pods::ExecAction action;
    fields.need("command");
    fields.texts("command", action.command);
    fields.close();
    return action;
}

// Exactly one action. None means a TCP connection to the container's port in a readiness probe, as Knative
// fills in.
void read_action(Fields& fields, ProbeKind kind, const ProbePorts& ports, pods::Probe& probe) {
    auto& problems = fields.problems();
    const Node* tcp = fields.find("tcpSocket");
    const Node* http = fields.find("httpGet");
    const Node* exec = fields.find("exec");
    const Node* grpc = fields.find("grpc");
    probe.action = pods::TcpSocketAction{ports.port};
    if (grpc) fields.error("grpc", "gRPC probes are not known here; use httpGet or tcpSocket");
    if ((tcp != nullptr) + (http != nullptr) + (exec != nullptr) + (grpc != nullptr) > 1)
        problems.error(
            fields.place(),
            fields.path() +
                ": may not specify more than 1 handler type; keep one of tcpSocket, httpGet and exec");
    else if (tcp)
        probe.action = read_tcp(tcp, fields.path_of("tcpSocket"), ports, problems);
    else if (http)
        probe.action = read_http(http, fields.path_of("httpGet"), ports, problems);
    else if (exec)
        probe.action = read_exec(exec, fields.path_of("exec"), problems);
    else if (!grpc && kind != ProbeKind::readiness && fields)
        problems.error(fields.place(),
                       fields.path() + ": must specify a handler type; tcpSocket, httpGet or exec");
}

}  // namespace

std::optional<pods::Probe> read_probe(const Node* node, const std::string& path, ProbeKind kind,
                                      const ProbePorts& ports, Problems& problems) {
    if (!node) return std::nullopt;
    Fields fields(node, path, problems);
    pods::Probe probe;
    read_action(fields, kind, ports, probe);
    fields.whole_seconds("initialDelaySeconds", probe.initial_delay, 0, most_seconds);
    // 0 is Kubernetes' way to say "the default".
    const auto unless_zero = [&](std::string_view name, auto& out, std::int64_t most) {
        std::int64_t value = 0;
        if (fields.integer(name, value, 0, most) && value > 0) out = std::decay_t<decltype(out)>(value);
        return value > 0;
    };
    const bool period = unless_zero("periodSeconds", probe.period, most_seconds);
    const bool timeout = unless_zero("timeoutSeconds", probe.timeout, most_seconds);
    const bool failures = unless_zero("failureThreshold", probe.failure_threshold, most_times);
    unless_zero("successThreshold", probe.success_threshold, most_times);
    fields.means_nothing({"terminationGracePeriodSeconds"}, "set it in the pod's spec");
    fields.close();
    // In a readiness probe no period is Knative's aggressive probing: tried without a pause until it
    // succeeds. Every pod is probed like that here before its first success, and by Kubernetes' defaults
    // later.
    if (kind == ProbeKind::readiness && !period) {
        if (failures)
            fields.error("failureThreshold",
                         "failureThreshold is disallowed when periodSeconds is zero; add periodSeconds: 10");
        if (timeout)
            fields.error("timeoutSeconds",
                         "timeoutSeconds is disallowed when periodSeconds is zero; add periodSeconds: 10");
    }
    if (kind != ProbeKind::readiness && probe.success_threshold != 1)
        fields.error(
            "successThreshold",
            "must be 1 in a " + std::string(kind == ProbeKind::liveness ? "liveness" : "startup") + " probe");
    return probe;
}

}  // namespace manifest
