#include "cli/options.hpp"

#include <iostream>

#include "cli/words.hpp"

namespace cli {
namespace {

ServeOptions read_serve_options(const Words& words) {
    ServeOptions options;
    if (!words.free().empty())
        throw Usage("'" + words.free().front() + "' stands alone; files are given with -f");
    for (auto& file : words.values("--filename")) options.files.emplace_back(std::move(file));
    constexpr long last_port = 65535, most_workers = 256;
    if (const auto port = words.number("--port", 0, last_port))
        options.port = static_cast<std::uint16_t>(*port);
    if (const auto port = words.number("--admin-port", 0, last_port))
        options.admin_port = static_cast<std::uint16_t>(*port);
    if (const auto workers = words.number("--workers", 1, most_workers))
        options.workers = static_cast<int>(*workers);
    if (auto folder = words.value("--state-dir")) options.state_dir = std::move(*folder);
    options.log_level = words.value("--log-level");
    options.access_log = words.value("--access-log");
    if (options.files.empty()) throw Usage("no manifest was given: pilotlight serve -f conf/");
    return options;
}

}  // namespace

std::variant<ServeOptions, int> parse_serve_options(std::span<const std::string> args) {
    std::optional<ServeOptions> options;
    const int status = within("serve", args, std::cout, std::cerr, [&](const Words& words) {
        options = read_serve_options(words);
        return 0;
    });
    if (options) return std::move(*options);
    return status;
}

void apply(manifest::Configuration& configuration, const ServeOptions& options) {
    auto& gateway = configuration.gateway;
    if (options.port && !gateway.listeners.empty()) gateway.listeners.front().port = *options.port;
    if (options.admin_port) gateway.admin.port = *options.admin_port;
    if (options.workers) gateway.workers = *options.workers;
    if (options.state_dir) gateway.state_dir = *options.state_dir;
    if (options.log_level) gateway.log.level = *options.log_level;
    if (options.access_log) gateway.log.access = *options.access_log;
}

}  // namespace cli
