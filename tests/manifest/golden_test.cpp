// Bad manifests and the exact words about them: tests/data/manifest.
#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <set>

#include "tests/manifest/helpers.hpp"

using namespace manifest;
using namespace manifest::test;

TEST_CASE("each bad manifest is answered with exactly the lines beside it", "[manifest]") {
    std::set<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(TEST_DATA "/manifest"))
        if (entry.path().extension() == ".yaml") files.insert(entry.path());
    REQUIRE(files.size() > 15);
    for (const auto& file : files) {
        INFO(file.string());
        const std::vector<Source> sources{{file.filename().string(), read_file(file.string())}};
        const auto loaded = load(sources);
        auto expected = file;
        CHECK(lines(loaded.problems) == read_file(expected.replace_extension(".txt").string()));
        const bool failed = std::ranges::any_of(loaded.problems, [](const Problem& p) { return !p.warning; });
        CHECK(loaded.configuration.has_value() == !failed);
    }
}
