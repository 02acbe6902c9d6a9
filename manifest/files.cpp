// Files and folders -> sources, within bounds.
#include <algorithm>
#include <fstream>
#include <set>
#include <system_error>

#include "manifest/load.hpp"
#include "manifest/yaml.hpp"

namespace manifest {

namespace fs = std::filesystem;

namespace {

void add_folder(const fs::path& folder, std::vector<fs::path>& files, Problems& problems) {
    std::error_code error;
    std::vector<fs::path> found;
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
        const auto extension = entry->path().extension();
        std::error_code unused;
        if ((extension == ".yaml" || extension == ".yml") && entry->is_regular_file(unused))
            found.push_back(entry->path());
        if (found.size() > most_files) break;
    }
    const auto name = folder.string();
    if (error)
        problems.error({name, 0, 0}, "cannot be read: " + error.message());
    else if (found.empty())
        problems.error({name, 0, 0}, "a folder without *.yaml and *.yml");
    std::ranges::sort(found);
    files.insert(files.end(), found.begin(), found.end());
}

// Never more than the bound, whatever the file is: a pipe or a device has no size to ask for.
std::optional<std::string> read_file(const fs::path& path, Problems& problems) {
    const auto name = path.string();
    std::ifstream file(path, std::ios::binary);
    std::string text(yaml_limits::file_bytes + 1, '\0');
    if (file) file.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (!file.is_open() || file.bad()) {
        problems.error({name, 0, 0},
                       "cannot be read: " + std::error_code(errno, std::generic_category()).message());
        return std::nullopt;
    }
    text.resize(static_cast<std::size_t>(file.gcount()));
    return text;
}

}  // namespace

std::vector<fs::path> files_in(std::span<const fs::path> paths, Problems& problems) {
    std::vector<fs::path> files;
    for (const auto& path : paths) {
        std::error_code error;
        const auto name = path.string();
        const auto status = fs::status(path, error);
        if (!fs::exists(status))
            problems.error({name, 0, 0}, "no such file or folder");
        else if (fs::is_directory(status))
            add_folder(path, files, problems);
        else
            files.push_back(path);
    }
    // A file that is named and lies in a named folder too counts once.
    std::set<fs::path> seen;
    std::erase_if(files, [&](const fs::path& file) {
        std::error_code error;
        const auto real = fs::weakly_canonical(file, error);
        return !seen.insert(error ? file : real).second;
    });
    if (files.size() > most_files) {
        problems.error({paths.front().string(), 0, 0}, "more than " + std::to_string(most_files) + " files");
        files.clear();
    }
    return files;
}

std::vector<Source> read_files(std::span<const fs::path> paths, Problems& problems) {
    std::vector<Source> sources;
    std::uintmax_t bytes = 0;
    for (const auto& file : files_in(paths, problems)) {
        auto text = read_file(file, problems);
        if (!text) continue;
        bytes += text->size();
        if (bytes > most_bytes) {
            problems.error({file.native(), 0, 0},
                           "more than " + std::to_string(most_bytes >> 20) + " MiB of manifests");
            break;
        }
        sources.push_back({file.string(), std::move(*text)});
    }
    return sources;
}

Loaded load_files(std::span<const fs::path> paths) {
    Problems problems;
    const auto sources = read_files(paths, problems);
    const bool failed = problems.failed();
    auto loaded = load(sources);
    auto unread = problems.take({});
    loaded.problems.insert(loaded.problems.begin(), unread.begin(), unread.end());
    if (failed) loaded.configuration.reset();
    return loaded;
}

}  // namespace manifest
