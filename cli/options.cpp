#include "cli/options.hpp"

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace cli {
namespace {

constexpr std::string_view help =
    R"(Usage: pilotlight serve -f PATH... [options]

Serves the Knative Services in these files or folders of YAML, until SIGTERM or Ctrl-C (finishes what runs; a second
one stops at once). SIGHUP reads the files again: a wrong one is refused, and the old configuration stays.

  -f, --filename PATH   a manifest, or a folder of *.yaml; may be given several times    PILOTLIGHT_FILENAME
      --port N          the (first) HTTP listener's port, instead of the manifest's      PILOTLIGHT_PORT
      --admin-port N    the admin address's port                                         PILOTLIGHT_ADMIN_PORT
      --workers N       threads that move bytes; default: half the cores                  PILOTLIGHT_WORKERS
      --state-dir PATH  keys, pod logs, spooled bodies                                   PILOTLIGHT_STATE_DIR
      --log-level L     trace, debug, info, warn, error, off                             PILOTLIGHT_LOG_LEVEL
      --access-log F    a file, stdout or off                                            PILOTLIGHT_ACCESS_LOG

Flags win over the environment, the environment over the Gateway manifest.

  pilotlight serve -f conf/knative-sd-demo.yaml -f conf/gateway-demo.yaml
  pilotlight serve -f /etc/pilotlight --port 80
)";

struct Wrong {
    std::string what;
};

long number(const std::string& flag, const std::string& text, long least, long most) {
    long value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value < least || value > most)
        throw Wrong{flag + " takes a number from " + std::to_string(least) + " to " + std::to_string(most) +
                    ", not '" + text + "'"};
    return value;
}

void set(ServeOptions& options, const std::string& flag, const std::string& value) {
    if (flag == "--filename")
        options.files.emplace_back(value);
    else if (flag == "--port")
        options.port = static_cast<std::uint16_t>(number(flag, value, 0, 65535));
    else if (flag == "--admin-port")
        options.admin_port = static_cast<std::uint16_t>(number(flag, value, 0, 65535));
    else if (flag == "--workers")
        options.workers = static_cast<int>(number(flag, value, 1, 256));
    else if (flag == "--state-dir")
        options.state_dir = value;
    else if (flag == "--access-log")
        options.access_log = value;
    else if (flag == "--log-level") {
        if (std::string_view(" trace debug info warn error off ").find(" " + value + " ") ==
            std::string_view::npos)
            throw Wrong{"--log-level takes trace, debug, info, warn, error or off, not '" + value + "'"};
        options.log_level = value;
    } else
        throw Wrong{"'" + flag + "' is no option of serve"};
}

constexpr const char* flags[] = {"--filename",  "--port",      "--admin-port", "--workers",
                                 "--state-dir", "--log-level", "--access-log"};

void from_environment(ServeOptions& options) {
    for (const std::string flag : flags) {
        std::string name = "PILOTLIGHT_";
        for (const char c : flag.substr(2)) name += c == '-' ? '_' : static_cast<char>(std::toupper(c));
        if (const char* value = std::getenv(name.c_str()); value != nullptr && *value != '\0')
            set(options, flag, value);
    }
}

}  // namespace

std::variant<ServeOptions, int> parse_serve_options(std::span<const std::string> args) try {
    ServeOptions options;
    from_environment(options);
    const auto from_env = options.files;
    options.files.clear();
    for (std::size_t i = 0; i < args.size(); ++i) {
        auto flag = args[i];
        if (flag == "--help" || flag == "-h") return std::fputs(help.data(), stdout), 0;
        if (flag == "-f") flag = "--filename";
        if (!flag.starts_with("--")) throw Wrong{"'" + flag + "' stands alone; files are given with -f"};
        if (const auto equals = flag.find('='); equals != std::string::npos) {
            set(options, flag.substr(0, equals), flag.substr(equals + 1));
            continue;
        }
        if (i + 1 == args.size()) throw Wrong{flag + " needs a value"};
        set(options, flag, args[++i]);
    }
    if (options.files.empty()) options.files = from_env;
    if (options.files.empty()) throw Wrong{"no manifest was given: pilotlight serve -f conf/"};
    return options;
} catch (const Wrong& wrong) {
    std::fprintf(stderr, "pilotlight serve: %s (see pilotlight serve --help)\n", wrong.what.c_str());
    return 2;
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
