// What no document can know alone: names that are taken, targets that are not there, hosts that collide.
#pragma once

#include <vector>

#include "manifest/gateway.hpp"
#include "manifest/service.hpp"

namespace manifest {

struct Everything {
    PlacedGateway gateway;
    std::vector<PlacedService> services;
    std::vector<Placed<DomainMapping>> domain_mappings;
};

void check_together(const Everything& all, Problems& problems);

}  // namespace manifest
