#include "cli/replay_kpa.hpp"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include "cli/kpa_file.hpp"

namespace cli {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view help =
    R"(Replays recordings of Knative's own autoscaler against this one and compares every column.

Usage:
  pilotlight replay-kpa FILE...

Examples:
  # One recording
  pilotlight replay-kpa tests/data/kpa/ack_step_0_to_5.json

  # All of a folder: every *.json in it
  pilotlight replay-kpa tests/data/kpa

For each file one line, "NAME ok", or the first tick and column that differ with both values:

  ack_step_0_to_5 differs: tick t=13, desired_pods: file 6, replayed 5

Seconds count from the start of the recording. tests/data/kpa/README.md describes the files.

Options:
  -h, --help   this text

Exit codes: 0 all agree, 1 one differs, 2 wrong usage or a file that cannot be read.
)";

std::vector<fs::path> files_of(const std::string& arg) {
    std::error_code error;
    if (!fs::is_directory(arg, error)) return {arg};
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(arg))
        if (entry.path().extension() == ".json") files.push_back(entry.path());
    std::ranges::sort(files);
    return files;
}

std::string read(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in || fs::is_directory(path)) throw BadKpaFile("cannot be read");
    return {std::istreambuf_iterator<char>(in), {}};
}

int one(const fs::path& path) try {
    const auto file = read_kpa_file(read(path), path.stem().string());
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

}  // namespace

int replay_kpa(std::span<const std::string> args) {
    std::vector<fs::path> files;
    for (const auto& arg : args) {
        if (arg == "-h" || arg == "--help") return std::fputs(help.data(), stdout), 0;
        if (arg.starts_with('-') && arg.size() > 1) {
            std::fprintf(stderr,
                         "pilotlight replay-kpa: unknown option %s\nTry: pilotlight replay-kpa --help\n",
                         arg.c_str());
            return 2;
        }
        const auto found = files_of(arg);
        if (found.empty()) {
            std::fprintf(stderr, "%s: no *.json in it\n", arg.c_str());
            return 2;
        }
        files.insert(files.end(), found.begin(), found.end());
    }
    if (files.empty()) {
        std::fputs("pilotlight replay-kpa: which file?\nTry: pilotlight replay-kpa --help\n", stderr);
        return 2;
    }
    int worst = 0;
    for (const auto& file : files) worst = std::max(worst, one(file));
    return worst;
}

}  // namespace cli
