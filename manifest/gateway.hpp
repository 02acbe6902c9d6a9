// pilotlight.dev/v1 Gateway -> typed. Every field has a default.
#pragma once

#include "manifest/configuration.hpp"
#include "manifest/service.hpp"

namespace manifest {

// A Gateway with the places that checks across documents lay their complaints to.
struct PlacedGateway : Placed<Gateway> {
    Place default_service;
    std::map<std::string, Place> static_services;  // keys of driver.static.pods
};

PlacedGateway read_gateway(const Node& document, Problems& problems);

// driver: {process: ...} or {static: ...}. Null: the process driver's defaults.
DriverSettings read_driver(const Node* node, PlacedGateway& gateway, Problems& problems);

// "namespace/name", or empty.
std::string not_service_name(std::string_view text);

}  // namespace manifest
