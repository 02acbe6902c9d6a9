#include "outside.hpp"

#include <unistd.h>

#include <fstream>
#include <sstream>

#include "pods/process_driver.hpp"
#include "pods/process_tree.hpp"

namespace pods::testing {

Folder::Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "pods-test-XXXXXX").string();
    if (!::mkdtemp(name.data())) throw std::runtime_error("no temporary folder");
    path_ = name;
}

Folder::~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

std::string read_file(const std::filesystem::path& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
}

std::vector<pid_t> processes_with(const std::string& variable) {
    std::vector<pid_t> found;
    for (const auto& [pid, process] : all_processes()) {
        const auto environment = '\0' + read_file("/proc/" + std::to_string(pid) + "/environ");
        if (environment.find('\0' + variable + '\0') != std::string::npos) found.push_back(pid);
    }
    return found;
}

int zombies() {
    int count = 0;
    for (const auto& [pid, process] : all_processes())
        count += process.parent == ::getpid() && process.state == 'Z';
    return count;
}

PodSpec shell_pod(std::uint64_t id, const std::string& name, const std::string& script) {
    PodSpec spec;
    spec.id = PodId{id};
    spec.name = name;
    spec.name_space = "default";
    spec.service = "demo";
    spec.revision = "demo-00001";
    spec.container.image = "registry.example/sd:1";
    spec.container.command = {"/bin/sh", "-c", script};
    return spec;
}

// test-gateway STATE_DIR POD_NAME: starts one pod and lives until it is killed, a few minutes at most.
int gateway_main(int, char** argv) {
    asio::io_context io;
    ProcessDriver driver(io, {}, argv[2]);
    const auto started = run(io, driver.start(shell_pod(1, argv[3], family)));
    if (!std::holds_alternative<Started>(started)) return 1;
    io.restart();
    io.run_for(5 * patience);
    return 0;
}

}  // namespace pods::testing
