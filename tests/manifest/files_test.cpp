// Files and folders.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>

#include "manifest/yaml.hpp"
#include "tests/manifest/helpers.hpp"

using namespace manifest;
using namespace manifest::test;
namespace fs = std::filesystem;

namespace {

struct Folder {
    Folder() {
        std::string name = (fs::temp_directory_path() / "manifest-XXXXXX").string();
        REQUIRE(mkdtemp(name.data()));
        path = name;
    }
    ~Folder() { fs::remove_all(path); }

    void write(const std::string& name, const std::string& text) const {
        fs::create_directories((path / name).parent_path());
        std::ofstream(path / name, std::ios::binary) << text;
    }

    fs::path path;
};

}  // namespace

TEST_CASE("a folder stands for its YAML files, sorted, and a file named twice counts once", "[manifest]") {
    const Folder folder;
    for (const auto* name : {"b.yml", "a.yaml", "c.txt", "below/d.yaml", ".e.yaml.swp"})
        folder.write(name, "");
    fs::create_directory(folder.path / "f.yaml");
    Problems problems;
    const std::vector<fs::path> paths{folder.path / "b.yml", folder.path, folder.path / "." / "c.txt"};
    CHECK(files_in(paths, problems) ==
          std::vector<fs::path>{folder.path / "b.yml", folder.path / "a.yaml", folder.path / "." / "c.txt"});
    CHECK(problems.all().empty());
}

TEST_CASE("what is missing, empty or too large is a problem", "[manifest]") {
    const Folder folder;
    fs::create_directory(folder.path / "empty");
    folder.write("large.yaml", std::string(yaml_limits::file_bytes + 10, '#'));
    folder.write("good.yaml", service_with({}));
    const auto said = [&](const std::string& name) {
        const std::vector<fs::path> paths{folder.path / name, folder.path / "good.yaml"};
        const auto loaded = load_files(paths);
        CHECK(!loaded.configuration);
        return lines(loaded.problems);
    };
    const auto prefix = folder.path.string() + "/";
    CHECK(said("missing.yaml") == prefix + "missing.yaml: no such file or folder\n");
    CHECK(said("empty") == prefix + "empty: a folder without *.yaml and *.yml\n");
    CHECK(said("large.yaml") == prefix + "large.yaml: more than 1 MiB\n");
    const std::vector<fs::path> good{folder.path / "good.yaml"};
    CHECK(load_files(good).configuration);
}

TEST_CASE("an endless file is read up to the bound", "[manifest]") {
    const std::vector<fs::path> paths{"/dev/zero"};
    CHECK(lines(load_files(paths).problems) == "/dev/zero: more than 1 MiB\n");
}

TEST_CASE("too many files are refused", "[manifest]") {
    const Folder folder;
    for (std::size_t i = 0; i <= most_files; ++i) folder.write(std::to_string(i) + ".yaml", "");
    const std::vector<fs::path> paths{folder.path};
    CHECK(lines(load_files(paths).problems) == folder.path.string() + ": more than 1000 files\n");
}
