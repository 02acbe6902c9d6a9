#include "cli/replay_kpa.hpp"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <vector>

#include "cli/kpa_file.hpp"
#include "cli/words.hpp"

namespace cli {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> files_of(const std::string& arg) {
    std::error_code error;
    if (!fs::is_directory(arg, error)) return {arg};
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(arg))
        if (entry.path().extension() == ".json") files.push_back(entry.path());
    std::ranges::sort(files);
    return files;
}

std::string file_text(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in || fs::is_directory(path)) throw BadKpaFile("cannot be read");
    return {std::istreambuf_iterator<char>(in), {}};
}

int one(const fs::path& path) try {
    const auto file = read_kpa_file(file_text(path), path.stem().string());
    const auto said = first_difference(file);
    if (said.empty())
        std::printf("%s ok\n", file.name.c_str());
    else
        std::printf("%s differs: %s\n", file.name.c_str(), said.c_str());
    return said.empty() ? 0 : 1;
} catch (const BadKpaFile& error) {
    std::fflush(stdout);
    std::fprintf(stderr, "%s: %s\n", path.c_str(), error.what());
    return 2;
}

int replay_all(const Words& words) {
    std::vector<fs::path> files;
    for (const auto& word : words.free()) {
        const auto found = files_of(word);
        if (found.empty()) throw Usage(word + ": no *.json in it");
        files.insert(files.end(), found.begin(), found.end());
    }
    if (files.empty()) throw Usage("which file? pilotlight replay-kpa tests/data/kpa");
    int worst = 0;
    for (const auto& file : files) worst = std::max(worst, one(file));
    return worst;
}

}  // namespace

int replay_kpa(std::span<const std::string> args) {
    return within("replay-kpa", args, std::cout, std::cerr, replay_all);
}

}  // namespace cli
