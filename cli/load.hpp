// The manifests as serve and check read them: with the files that they name.
#pragma once

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <span>

#include "manifest/load.hpp"
#include "proxy/tls/credentials.hpp"

namespace cli {

inline manifest::Loaded load_all(std::span<const std::filesystem::path> paths) {
    auto loaded = manifest::load_files(paths);
    if (!loaded.configuration) return loaded;
    const auto found = proxy::look_at_certificates(loaded.configuration->gateway, std::time(nullptr));
    loaded.problems.insert(loaded.problems.end(), found.begin(), found.end());
    if (!std::ranges::all_of(found, &manifest::Problem::warning)) loaded.configuration.reset();
    return loaded;
}

}  // namespace cli
