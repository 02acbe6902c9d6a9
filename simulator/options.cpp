#include "simulator/options.hpp"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <numeric>

#include "simulator/option_table.hpp"

namespace simulator {
namespace {

using Names = std::vector<std::string_view>;

std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t above = row[j];
            row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0u : 1u)});
            diagonal = above;
        }
    }
    return row.back();
}

std::string unknown_option(std::string_view name) {
    std::string message = "unknown option --" + std::string(name);
    std::string_view best;
    std::size_t distance = 1 + name.size() / 3;
    for (const OptionRow& row : option_table())
        if (const auto d = edit_distance(name, row.name); d <= distance) best = row.name, distance = d;
    if (!best.empty()) message += "; did you mean --" + std::string(best) + "?";
    return message + " See sd-simulator --help.";
}

const OptionRow* find_row(std::string_view name) {
    for (const OptionRow& row : option_table())
        if (row.name == name) return &row;
    return nullptr;
}

std::string environment_name(std::string_view option) {
    std::string name = "SD_SIMULATOR_";
    for (char c : option)
        name += c == '-' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    return name;
}

// What to set, in order; a setting's source is only for its error message.
struct Setting {
    const OptionRow* row;
    std::string value;
    std::string source;
};

void read_environment(const Environment& environment, std::vector<Setting>& settings) {
    const auto take = [&](const std::string& variable, std::string_view option) {
        if (const char* value = environment(variable); value && *value)
            settings.push_back({find_row(option), value, variable});
    };
    take("HOSTNAME", "id");
    take("POD_NAME", "id");
    take("PORT", "port");
    take("POD_ORDINAL", "ordinal");
    for (const OptionRow& row : option_table()) take(environment_name(row.name), row.name);
}

void read_arguments(const std::vector<std::string>& args, std::vector<Setting>& settings,
                    std::vector<std::string>& ignored) {
    for (std::size_t i = 0; i < args.size(); ++i) {
        const std::string& arg = args[i];
        if (arg == "-h") {
            settings.push_back({find_row("help"), "", arg});
            continue;
        }
        if (!arg.starts_with("--"))
            throw OptionError("\"" + arg +
                              "\" is not an option: options begin with --, see sd-simulator --help");
        const auto equals = arg.find('=');
        const std::string name = arg.substr(2, equals == std::string::npos ? equals : equals - 2);
        const bool has_value = equals != std::string::npos;
        if (const OptionRow* row = find_row(name)) {
            std::string value = has_value ? arg.substr(equals + 1) : "";
            if (!has_value && !row->value.empty()) {
                if (++i == args.size())
                    throw OptionError("--" + name + " needs a value: --" + name + " " +
                                      std::string(row->value));
                value = args[i];
            }
            settings.push_back({row, value, "--" + name});
        } else if (const auto webui = webui_flag(name); webui != WebuiFlag::unknown) {
            ignored.push_back("--" + name);
            // A list such as `--use-cpu all` may have several values.
            if (webui == WebuiFlag::with_values && !has_value)
                while (i + 1 < args.size() && !args[i + 1].starts_with("--")) ++i;
        } else {
            throw OptionError(unknown_option(name));
        }
    }
}

Options assemble(const std::vector<std::string>& args, const Environment& environment) {
    Options options;
    std::vector<Setting> settings;
    read_environment(environment, settings);
    read_arguments(args, settings, options.ignored);

    const auto apply = [&](const Setting& setting) {
        try {
            setting.row->set(options, setting.value);
        } catch (const OptionError& error) {
            throw OptionError(setting.source + ": " + error.what());
        }
    };
    // A profile depends on the ordinal, and everything explicit is laid over the profile.
    for (const Setting& setting : settings)
        if (setting.row->name == "ordinal" || setting.row->name == "profile") apply(setting);
    if (!options.profile.empty() && !apply_profile(options, options.profile))
        throw OptionError("there is no profile \"" + options.profile + "\"; there are " +
                          std::string(profile_names()));
    for (const Setting& setting : settings) apply(setting);
    if (options.id.empty()) options.id = std::to_string(options.port);
    if (options.crash_window > options.mount_delay)
        throw OptionError("--crash-window is the end of --mount-delay and cannot be longer");
    return options;
}

}  // namespace

std::variant<Options, std::string> parse_options(const std::vector<std::string>& args,
                                                 const Environment& environment) {
    try {
        return assemble(args, environment);
    } catch (const OptionError& error) {
        return std::string(error.what());
    }
}

bool apply_profile(Options& options, std::string_view name) {
    // The reported run of fifty images on five pods: time from process start to ready, pod by pod.
    static constexpr double hey_ref_ready[] = {40.6, 41.4, 52.3, 300, 300};
    const auto hey = [&](double ready) {
        options.service = 10.08;
        options.cv = 0.012;
        options.cold = ready;
        options.mount_delay = 0;  // ready is ready: the port opens when the pod can work
        options.model_load = 0;
        options.gzip = false;  // the reported 10.08 s have it in them, and its milliseconds would not scale
    };
    if (name == "hey-ref") {
        hey(hey_ref_ready[std::clamp<std::size_t>(static_cast<std::size_t>(options.ordinal), 0, 4)]);
    } else if (name == "hey-warm") {
        hey(0);
    } else if (name == "hey-cold41") {
        hey(41);
    } else if (name == "sdxl") {
        options.service = 25;
        options.cv = 0.1;
        options.png_bytes = 1'300'000;
        options.cold = 60;
        options.model_load = 40;
    } else if (name == "fast") {
        hey(0);
        options.service = 0.02;
        options.cv = 0;
        options.png_bytes = 40'000;
    } else {
        return false;
    }
    return true;
}

std::string_view profile_names() {
    return "hey-ref, hey-warm, hey-cold41, sdxl, fast";
}

}  // namespace simulator
