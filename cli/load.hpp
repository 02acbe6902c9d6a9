// The manifests as serve and check read them: with the files that they name.
#pragma once

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <span>

#include "manifest/load.hpp"
#include "proxy/tls/credentials.hpp"

namespace cli {

struct ReadAll {
    std::vector<manifest::Source> sources;
    manifest::Loaded loaded;  // places in its documents live as long as the sources
};

inline ReadAll read_all(std::span<const std::filesystem::path> paths) {
    manifest::Problems unread;
    ReadAll out{manifest::read_files(paths, unread), {}};
    auto& loaded = out.loaded = manifest::load(out.sources);
    const auto told = unread.take({});
    loaded.problems.insert(loaded.problems.begin(), told.begin(), told.end());
    if (unread.failed()) loaded.configuration.reset();
    if (!loaded.configuration) return out;
    const auto found = proxy::look_at_certificates(loaded.configuration->gateway, std::time(nullptr));
    loaded.problems.insert(loaded.problems.end(), found.begin(), found.end());
    if (!std::ranges::all_of(found, &manifest::Problem::warning)) loaded.configuration.reset();
    return out;
}

inline manifest::Loaded load_all(std::span<const std::filesystem::path> paths) {
    return read_all(paths).loaded;
}

}  // namespace cli
