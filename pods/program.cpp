#include "pods/program.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <system_error>

namespace pods {

namespace {

constexpr std::string_view usual_path = "/usr/local/bin:/usr/bin:/bin";

std::vector<std::string> split(std::string_view path) {
    std::vector<std::string> folders;
    while (!path.empty()) {
        const auto colon = std::min(path.find(':'), path.size());
        if (colon > 0) folders.emplace_back(path.substr(0, colon));
        path.remove_prefix(std::min(colon + 1, path.size()));
    }
    return folders;
}

}  // namespace

std::string own_folder() {
    std::error_code error;
    return std::filesystem::read_symlink("/proc/self/exe", error).parent_path().string();
}

std::optional<std::string> find_program_in(const std::string& name, const std::vector<std::string>& folders) {
    for (const auto& folder : folders) {
        std::string path = folder + "/" + name;
        struct stat info {};
        if (::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) && ::access(path.c_str(), X_OK) == 0)
            return path;
    }
    return std::nullopt;
}

std::optional<std::string> find_program(const std::string& name, const std::vector<std::string>& env) {
    if (name.find('/') != name.npos) return name;
    if (name.empty()) return std::nullopt;
    std::string_view path = usual_path;
    for (const std::string_view entry : env) {
        if (entry.starts_with("PATH=")) path = entry.substr(5);
    }
    auto folders = split(path);
    folders.insert(folders.begin(), own_folder());
    return find_program_in(name, folders);
}

}  // namespace pods
