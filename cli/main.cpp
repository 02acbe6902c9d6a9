// The one binary: looks at the first word and hands the rest to its command.
#include <cstdio>
#include <exception>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "cli/check.hpp"
#include "cli/connection_flags.hpp"
#include "cli/explain.hpp"
#include "cli/get.hpp"
#include "cli/hash_key.hpp"
#include "cli/kubeconfig.hpp"
#include "cli/logs.hpp"
#include "cli/replay_kpa.hpp"
#include "cli/scale.hpp"
#include "cli/serve.hpp"
#include "cli/simulate.hpp"
#include "cli/upgrade_request.hpp"
#include "pods/keeper.hpp"

namespace {

constexpr std::string_view help =
    R"(Pilotlight holds requests while no pod runs, lights a pod, and hands each pod exactly as much work as it can take.

Usage: pilotlight COMMAND [arguments]

  serve -f PATH...    serve the Knative Services in these files or folders of YAML
  check -f PATH...    say what is wrong with them, and what they would do
  explain METHOD URL  say which service and class a request gets, and by which rule
  get KIND            list pods, services, revisions or events of a running gateway; -w watches
  logs POD            print what a pod has written; -f goes on
  scale SERVICE       so many pods, whatever the autoscaler wants
  kubeconfig          print a file with which kubectl and kn talk to a running gateway
  upgrade             put a new binary in the place of a running gateway; nothing is dropped
  hash-key            make a key that opens a service or the admin address, and its hash for the manifest
  replay-kpa FILE...  replay recordings of Knative's autoscaler against this one
  simulate            what a trace of requests would cost, and how long they would wait
  version             print the version

Each command has its own --help. To begin:

  pilotlight check -f conf/
  pilotlight serve -f conf/knative-sd-demo.yaml -f conf/gateway-demo.yaml
  curl -H 'Host: knative-sd-demo.default.example.com' -d '{"prompt": "pretty dog"}' \
       -H 'Content-Type: application/json' http://127.0.0.1:8080/sdapi/v1/txt2img
  pilotlight get pods -w

Exit codes: 0 ok, 1 failed, 2 wrong usage.
)";

int run(const std::vector<std::string>& words) {
    const std::string command = words.empty() ? "" : words.front();
    std::vector<std::string> rest(words.empty() ? words.end() : words.begin() + 1, words.end());
    if (command == "serve") return cli::serve(rest);
    if (command == "check") return cli::check(rest);
    if (command == "explain") return cli::explain(rest, std::cout, std::cerr);
    if (command == "upgrade") return cli::upgrade(rest);
    if (command == "hash-key") return cli::hash_key(rest, std::cin, std::cout, std::cerr);
    if (command == "simulate") return cli::simulate(rest);
    if (command == "replay-kpa") return cli::replay_kpa(rest);
    // What talks to a gateway.
    rest = cli::take_connection_flags(std::move(rest));
    if (command == "get") return cli::get(rest);
    if (command == "logs") return cli::logs(rest, std::cout, std::cerr);
    if (command == "scale") return cli::scale(rest, std::cout, std::cerr);
    if (command == "kubeconfig") return cli::kubeconfig(rest, std::cout, std::cerr);
    if (command == "version" || command == "--version") return std::puts("pilotlight " PILOTLIGHT_VERSION), 0;
    if (command == "help" || command == "--help" || command == "-h")
        return std::fputs(help.data(), stdout), 0;
    if (command.empty()) return std::fputs(help.data(), stderr), 2;
    std::fprintf(stderr,
                 "pilotlight: '%s' is no command; they are serve, check, explain, get, logs, scale, "
                 "kubeconfig, hash-key, replay-kpa, simulate, upgrade and version (see pilotlight --help)\n",
                 words.front().c_str());
    return 2;
}

}  // namespace

int main(int argc, char** argv) try {
    if (argc > 1 && std::string_view(argv[1]) == "pod-keeper") return pods::keeper_main(argc, argv);
    return run(std::vector<std::string>(argv + 1, argv + argc));
} catch (const std::exception& error) {
    std::fprintf(stderr, "pilotlight: %s\n", error.what());
    return 1;
}
