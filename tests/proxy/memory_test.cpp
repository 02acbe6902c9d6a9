// What revisions have learnt, on disk.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>

#include "proxy/control/memory.hpp"

using proxy::Memory;

namespace {

struct Folder {
    Folder() {
        std::string name = (std::filesystem::temp_directory_path() / "pilotlight-memory-XXXXXX").string();
        path = ::mkdtemp(name.data());
    }
    ~Folder() {
        std::error_code error;
        std::filesystem::remove_all(path, error);
    }
    std::filesystem::path path;
};

}  // namespace

TEST_CASE("what was stored is loaded again, for each service its own", "[memory]") {
    Folder folder;
    const Memory memory(folder.path / "learnt");
    CHECK_FALSE(memory.load("default", "sd"));
    memory.store("default", "sd", "first");
    memory.store("default", "sd", "second");
    memory.store("other", "sd", "third");
    CHECK(Memory(folder.path / "learnt").load("default", "sd") == "second");
    CHECK(memory.load("other", "sd") == "third");
    CHECK_FALSE(memory.load("default", "flux"));
}

TEST_CASE("a memory without a folder, or whose folder cannot be, forgets in peace", "[memory]") {
    Memory().store("default", "sd", "text");
    CHECK_FALSE(Memory().load("default", "sd"));
    Folder folder;
    std::ofstream(folder.path / "file") << "in the way";
    const Memory blocked(folder.path / "file" / "learnt");
    blocked.store("default", "sd", "text");
    CHECK_FALSE(blocked.load("default", "sd"));
}
