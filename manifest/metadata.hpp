// metadata: the same for every kind.
#pragma once

#include <map>
#include <string>

#include "manifest/fields.hpp"

namespace manifest {

struct Metadata {
    std::string name;
    Place name_place;
    std::string name_space = "default";
    Annotations labels;
    Annotations annotations;
};

// Fields that a server writes (uid, creationTimestamp ...) are taken without a word, so that an export can be
// read.
Metadata read_metadata(const Node* node, const Node& document, const std::string& path, Problems& problems);

// Without the places.
std::map<std::string, std::string> values(const Annotations& annotations);

}  // namespace manifest
