// YAML documents -> one checked configuration, or everything that is wrong with them.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "manifest/configuration.hpp"
#include "manifest/problem.hpp"
#include "manifest/yaml.hpp"

namespace manifest {

struct Source {
    std::string name;  // as shown in messages
    std::string text;
};

// A Service or a DomainMapping as it was written.
struct Document {
    std::string api_version, kind, name_space, name;
    std::string file;
    int line = 0;
    NodePtr tree;  // its places live as long as the sources
};

struct Loaded {
    std::optional<Configuration> configuration;  // empty exactly if an error is among the problems
    std::vector<Problem> problems;               // in the order of the sources and their lines
    std::vector<Document> documents;
};

// Pure. Kinds: serving.knative.dev/v1 Service, serving.knative.dev/v1beta1 DomainMapping, v1 ConfigMap named
// config-autoscaler, pilotlight.dev/v1 Gateway; in any order and any number of sources.
Loaded load(std::span<const Source> sources);

inline constexpr std::size_t most_files = 1000;
inline constexpr std::uintmax_t most_bytes = 32
                                             << 20;  // of all files together; yaml_limits::file_bytes for one

// Each path is a file, or a folder that stands for its *.yaml and *.yml, sorted; not for the folders in it.
std::vector<std::filesystem::path> files_in(std::span<const std::filesystem::path> paths, Problems& problems);

// Reads the files, within the bounds above.
std::vector<Source> read_files(std::span<const std::filesystem::path> paths, Problems& problems);

// read_files(), then load().
Loaded load_files(std::span<const std::filesystem::path> paths);

}  // namespace manifest
