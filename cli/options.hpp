// The command line of `pilotlight serve`. Flags override the manifest; PILOTLIGHT_* variables stand between.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "manifest/configuration.hpp"

namespace cli {

struct ServeOptions {
    std::vector<std::filesystem::path> files;
    std::optional<std::uint16_t> port, admin_port;
    std::optional<int> workers;
    std::optional<std::string> log_level, access_log;
    std::optional<std::filesystem::path> state_dir;
};

// The options, or the exit code after help or a wrong word was answered.
std::variant<ServeOptions, int> parse_serve_options(std::span<const std::string> args);

void apply(manifest::Configuration&, const ServeOptions&);

}  // namespace cli
