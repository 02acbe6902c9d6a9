// A probe of a container, with Kubernetes' defaults and validation (core/v1 types.go, Probe; core/validation)
// and Knative's where it has its own (pkg/apis/serving/k8s_validation.go, validateReadinessProbe).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "manifest/fields.hpp"
#include "pods/container.hpp"

namespace manifest {

enum class ProbeKind { readiness, liveness, startup };

// What a probe's port may name.
struct ProbePorts {
    std::uint16_t port = 0;
    std::string name;
};

// Null: no probe. An action without a port means the container's own.
std::optional<pods::Probe> read_probe(const Node* node, const std::string& path, ProbeKind kind,
                                      const ProbePorts& ports, Problems& problems);

}  // namespace manifest
