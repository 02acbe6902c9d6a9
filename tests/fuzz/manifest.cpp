// Manifests: whatever is in the file, there is a configuration or an error that says where.
#include "manifest/load.hpp"

#include <algorithm>
#include <array>

#include "fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::array sources{manifest::Source{"fuzz.yaml", std::string(octets_of(data, size))}};
    const auto loaded = manifest::load(sources);
    const bool error = std::any_of(loaded.problems.begin(), loaded.problems.end(),
                                   [](const auto& problem) { return !problem.warning; });
    EXPECT(loaded.configuration.has_value() == !error);
    return 0;
}
