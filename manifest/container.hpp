// spec.template.spec.containers -> what a pod runs and how it is probed.
#pragma once

#include <string>

#include "manifest/fields.hpp"
#include "pods/container.hpp"

namespace manifest {

struct PlacedContainer {
    pods::Container value;
    Place image;  // where it is named
};

// `containers` is the list. Exactly one container serves: the only one, or the only one with a port.
PlacedContainer read_containers(const Node* containers, const std::string& path, Problems& problems);

// An `env` list: names with texts. Used by the Gateway's image rules too.
std::vector<pods::EnvVar> read_env(const Node* list, const std::string& path, Problems& problems);

}  // namespace manifest
