// The one binary: looks at the first word and hands the rest to its command.
#include <cstdio>
#include <exception>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "cli/check.hpp"
#include "cli/commands.hpp"
#include "cli/completion.hpp"
#include "cli/explain.hpp"
#include "cli/get.hpp"
#include "cli/hash_key.hpp"
#include "cli/kubeconfig.hpp"
#include "cli/log_level.hpp"
#include "cli/logs.hpp"
#include "cli/replay_kpa.hpp"
#include "cli/scale.hpp"
#include "cli/serve.hpp"
#include "cli/simulate.hpp"
#include "cli/top.hpp"
#include "cli/upgrade_request.hpp"
#include "cli/words.hpp"
#include "manifest/problem.hpp"
#include "pods/keeper.hpp"

namespace {

// What a command that only prints takes: no words.
int version(const cli::Words&) {
    return std::puts("pilotlight " PILOTLIGHT_VERSION), 0;
}

int unknown(const std::string& word) {
    std::vector<std::string_view> names;
    for (const auto& command : cli::commands())
        if (!command.hidden) names.push_back(command.name);
    std::fprintf(stderr, "pilotlight: '%s' is no command%s\nWrite one of %s (see 'pilotlight --help').\n",
                 word.c_str(), manifest::did_you_mean(word, names).c_str(), manifest::either(names).c_str());
    return 2;
}

int run(const std::vector<std::string>& words) {
    const std::string command = words.empty() ? "" : words.front();
    const std::vector<std::string> rest(words.empty() ? words.end() : words.begin() + 1, words.end());
    if (command == "serve") return cli::serve(rest);
    if (command == "check") return cli::check(rest);
    if (command == "explain") return cli::explain(rest, std::cout, std::cerr);
    if (command == "upgrade") return cli::upgrade(rest);
    if (command == "hash-key") return cli::hash_key(rest, std::cin, std::cout, std::cerr);
    if (command == "simulate") return cli::simulate(rest);
    if (command == "replay-kpa") return cli::replay_kpa(rest);
    if (command == "get") return cli::get(rest);
    if (command == "top") return cli::top(rest, std::cout, std::cerr);
    if (command == "logs") return cli::logs(rest, std::cout, std::cerr);
    if (command == "log-level") return cli::log_level(rest, std::cout, std::cerr);
    if (command == "scale") return cli::scale(rest, std::cout, std::cerr);
    if (command == "kubeconfig") return cli::kubeconfig(rest, std::cout, std::cerr);
    if (command == "completion" || command == "__complete")
        return cli::completion(command, rest, std::cout, std::cerr);
    if (command == "version") return cli::within("version", rest, std::cout, std::cerr, version);
    if (command == "--version") return std::puts("pilotlight " PILOTLIGHT_VERSION), 0;
    if (command == "help" && rest.size() == 1)
        if (const auto* about = cli::find_command(rest.front()))
            return std::fputs(cli::help(*about).c_str(), stdout), 0;
    if (command == "help" || command == "--help" || command == "-h")
        return std::fputs(cli::help().c_str(), stdout), 0;
    if (command.empty()) return std::fputs(cli::help().c_str(), stderr), 2;
    return unknown(command);
}

}  // namespace

int main(int argc, char** argv) try {
    if (argc > 1 && std::string_view(argv[1]) == "pod-keeper") return pods::keeper_main(argc, argv);
    return run(std::vector<std::string>(argv + 1, argv + argc));
} catch (const std::exception& error) {
    std::fprintf(stderr, "pilotlight: %s\n", error.what());
    return 1;
}
