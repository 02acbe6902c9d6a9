// serving.knative.dev/v1 Service and v1beta1 DomainMapping -> typed.
#pragma once

#include <vector>

#include "manifest/cluster_defaults.hpp"
#include "manifest/configuration.hpp"
#include "manifest/fields.hpp"

namespace manifest {

// A value together with where its document says what it is called, for checks across documents.
template <class T>
struct Placed {
    T value;
    Place place;
};

struct PlacedService : Placed<Service> {
    Place image;                 // of the container
    std::vector<Place> traffic;  // of each target
};

PlacedService read_service(const Node& document, const ClusterDefaults& defaults, Problems& problems);
Placed<DomainMapping> read_domain_mapping(const Node& document, Problems& problems);

}  // namespace manifest
