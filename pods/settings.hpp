// How pods are made on this machine: the `driver:` part of the Gateway manifest.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "pods/container.hpp"
#include "pods/pod.hpp"

namespace pods {

// How an image runs here. The longest matching `image` wins.
struct ImageRule {
    std::string image;                 // exact image, or a prefix ending in '*', or "*"
    std::vector<std::string> command;  // replaces the manifest's command if given
    std::vector<std::string> args;     // appended to the manifest's args
    std::string working_dir;
    std::vector<EnvVar> env;  // on top of the manifest's

    friend bool operator==(const ImageRule&, const ImageRule&) = default;
};

struct ProcessSettings {
    std::vector<ImageRule> images;
    std::vector<std::string> gpus;     // values for CUDA_VISIBLE_DEVICES; empty: GPUs are not dealt out
    std::uint16_t first_port = 20000;  // ports given to pods, inclusive
    std::uint16_t last_port = 29999;
    std::string bind_address = "127.0.0.1";  // where pods listen, as seen from the gateway
    std::filesystem::path log_dir;           // empty: <state dir>/logs
    std::uint64_t log_bytes = 10 << 20;      // a log file is rotated at this size
    int log_files = 3;                       // and so many old ones are kept

    friend bool operator==(const ProcessSettings&, const ProcessSettings&) = default;
};

// Pods that somebody else runs. A service uses the addresses under its "namespace/name", else those under
// "*".
struct StaticSettings {
    std::map<std::string, std::vector<Address>> pods;

    friend bool operator==(const StaticSettings&, const StaticSettings&) = default;
};

}  // namespace pods
