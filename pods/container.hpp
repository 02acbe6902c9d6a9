// What a revision runs, as its manifest says: the subset of Kubernetes' Container that means something here.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace pods {

struct EnvVar {
    std::string name;
    std::string value;  // $(VAR) not yet expanded

    friend bool operator==(const EnvVar&, const EnvVar&) = default;
};

struct TcpSocketAction {
    std::uint16_t port = 0;  // 0, or the container's own port: the pod's port, wherever the driver put it
    friend bool operator==(const TcpSocketAction&, const TcpSocketAction&) = default;
};
struct HttpGetAction {
    std::string path = "/";
    std::uint16_t port = 0;
    std::string host;  // Host header; empty: the pod's address
    std::vector<std::pair<std::string, std::string>> headers;
    friend bool operator==(const HttpGetAction&, const HttpGetAction&) = default;
};
struct ExecAction {
    std::vector<std::string> command;
    friend bool operator==(const ExecAction&, const ExecAction&) = default;
};

// Kubernetes' Probe, defaults included (core/v1 types.go, Probe).
struct Probe {
    std::variant<TcpSocketAction, HttpGetAction, ExecAction> action;
    std::chrono::seconds initial_delay{0};
    std::chrono::seconds period{10};
    std::chrono::seconds timeout{1};
    int success_threshold = 1;
    int failure_threshold = 3;

    friend bool operator==(const Probe&, const Probe&) = default;
};

struct Container {
    std::string name;
    std::string image;
    std::vector<std::string> command;
    std::vector<std::string> args;
    std::vector<EnvVar> env;
    std::string working_dir;
    std::uint16_t port = 8080;  // Knative's default, revision_defaults.go
    std::string port_name;
    int gpus = 0;                    // resources.limits "nvidia.com/gpu"
    std::optional<Probe> readiness;  // none given: tcpSocket on the port, as queue-proxy does
    std::optional<Probe> liveness;
    std::optional<Probe> startup;

    friend bool operator==(const Container&, const Container&) = default;
};

}  // namespace pods
