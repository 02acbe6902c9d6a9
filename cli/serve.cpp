#include "cli/serve.hpp"

#include <cstdio>

#include "cli/gateway.hpp"
#include "cli/heir.hpp"
#include "cli/load.hpp"
#include "cli/logging.hpp"
#include "cli/options.hpp"
#include "cli/upgrade.hpp"
#include "proxy/bounds/reserve.hpp"
#include "proxy/log.hpp"

namespace cli {

int serve(std::span<const std::string> args) {
    auto parsed = parse_serve_options(args);
    if (auto* exit = std::get_if<int>(&parsed)) return *exit;
    auto& options = std::get<ServeOptions>(parsed);
    own_binary();  // before anybody replaces it
    const auto heir = Heir::from_environment();
    auto read = read_all(options.files);
    auto& loaded = read.loaded;
    for (const auto& problem : loaded.problems) {
        std::fprintf(stderr, "%s\n", manifest::to_string(problem).c_str());
        if (heir && !problem.warning) heir->fail(manifest::to_string(problem));
    }
    if (!loaded.configuration) return 1;
    apply(*loaded.configuration, options);
    proxy::EmergencyMemory::set_up();
    set_up_logging(loaded.configuration->gateway.log);
    try {
        Gateway(std::move(options), std::move(read), heir.get()).run();
    } catch (const std::exception& error) {
        log_of(proxy::LogOf::proxy).error("{}", error.what());
        if (heir) heir->fail(error.what());
        shut_down_logging();
        return 1;
    }
    shut_down_logging();
    return 0;
}

}  // namespace cli
