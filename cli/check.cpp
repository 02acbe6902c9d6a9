#include "cli/check.hpp"

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "cli/load.hpp"
#include "manifest/annotations.hpp"
#include "manifest/hosts.hpp"
#include "manifest/units.hpp"
#include "pods/environment.hpp"

namespace cli {

namespace {

constexpr std::string_view help = R"(Checks manifests and says what they would do. Nothing is started.

Usage:
  pilotlight check -f PATH...
  pilotlight check --explain-annotations

Examples:
  # One file
  pilotlight check -f conf/knative-sd-demo.yaml

  # A Service and the Gateway that says how it runs here
  pilotlight check -f conf/knative-sd-demo.yaml -f conf/gateway-demo.yaml

  # All *.yaml and *.yml in a folder
  pilotlight check -f conf/

  # In a script: problems only
  pilotlight check -f conf/ >/dev/null || exit 1

Options:
  -f, --filename PATH     files or folders of YAML; may be repeated, and takes several paths
      --explain-annotations
                          prints every annotation that is understood: meaning, default, what is valid
  -h, --help              this text

A problem is one line on stderr: file:line:column: what is wrong, what would be right.
Exit codes: 0 the manifests are right, 1 they are not, 2 wrong usage.
)";

struct Request {
    std::vector<std::filesystem::path> paths;
    bool help = false;
    bool explain = false;
    std::string wrong;  // what is wrong with the usage; empty: nothing
};

Request read(std::span<const std::string> args) {
    Request request;
    bool wants_path = false;  // right after -f
    bool takes_paths = false;
    for (const auto& arg : args) {
        if (wants_path || (takes_paths && !arg.starts_with('-'))) {
            request.paths.emplace_back(arg);
            wants_path = false;
        } else if (arg == "-f" || arg == "--filename") {
            wants_path = takes_paths = true;
        } else if (arg.starts_with("--filename=")) {
            request.paths.emplace_back(arg.substr(arg.find('=') + 1));
        } else if (arg == "-h" || arg == "--help") {
            request.help = true;
        } else if (arg == "--explain-annotations") {
            request.explain = true;
        } else {
            request.wrong =
                arg.starts_with('-') ? "unknown option " + arg : "to check " + arg + ", write -f " + arg;
            return request;
        }
    }
    if (wants_path)
        request.wrong = "-f wants a file or folder";
    else if (request.paths.empty() && !request.help && !request.explain)
        request.wrong = "nothing to check; write -f PATH";
    return request;
}

void line(std::string_view name, const std::string& value) {
    std::cout << "  " << name << std::string(name.size() < 13 ? 13 - name.size() : 1, ' ') << value << "\n";
}

// As one would type it: what a shell would split is in quotes.
std::string shown(const std::vector<std::string>& words) {
    std::string text;
    for (const auto& word : words) {
        if (!text.empty()) text += ' ';
        const bool plain = !word.empty() && word.find_first_of(" \t\n'\"\\&;|<>*?") == std::string::npos;
        text += plain ? word : "'" + word + "'";
    }
    return text;
}

std::string runs(const manifest::Service& service, const pods::ProcessSettings& process) {
    const auto& container = service.container;
    const auto* rule = pods::find_rule(process.images, container.image);
    std::vector<std::string> words = rule && !rule->command.empty() ? rule->command : container.command;
    words.insert(words.end(), container.args.begin(), container.args.end());
    if (rule) words.insert(words.end(), rule->args.begin(), rule->args.end());
    const auto& folder = rule && !rule->working_dir.empty() ? rule->working_dir : container.working_dir;
    return shown(words) + (folder.empty() ? "" : "  (in " + folder + ")");
}

std::string runs(const manifest::Service& service, const pods::StaticSettings& fixed) {
    auto pods = fixed.pods.find(service.name_space + "/" + service.name);
    if (pods == fixed.pods.end()) pods = fixed.pods.find("*");
    if (pods == fixed.pods.end()) return "nowhere: the static driver has no pods for it";
    std::string text = "at";
    for (const auto& [host, port] : pods->second)
        text += " " + (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" +
                std::to_string(port);
    return text;
}

std::string pods_text(const autoscaler::Settings& scaling) {
    const auto most = scaling.max_scale == 0 ? "any number" : std::to_string(scaling.max_scale);
    const bool concurrency = scaling.metric == autoscaler::Metric::concurrency;
    return std::to_string(scaling.min_scale) + " to " + most + ", one for " +
           manifest::format_number(scaling.target) +
           (concurrency ? " running or waiting" : " requests a second") + ", averaged over " +
           manifest::format_duration(scaling.stable_window);
}

void summarize(const manifest::Service& service, const manifest::Gateway& gateway) {
    std::cout << "Service " << service.name_space << "/" << service.name << "\n";
    const auto& listener = gateway.listeners.front();
    const bool usual = listener.port == (listener.tls ? 443 : 80);
    const auto url = [&](const std::string& host) {
        return (listener.tls ? "https://" : "http://") + host +
               (usual ? "" : ":" + std::to_string(listener.port));
    };
    std::string name = "url";
    for (const auto& host : manifest::hosts_of(service, {}, gateway))
        line(std::exchange(name, ""), url(host));
    for (const auto& target : service.traffic)
        if (!target.tag.empty())
            for (const auto& host : manifest::hosts_of(service, target.tag, gateway))
                line("", url(host) + "  (tag " + target.tag + ")");
    line("image", service.container.image);
    line("runs", std::visit([&](const auto& driver) { return runs(service, driver); }, gateway.driver));
    line("concurrency", service.container_concurrency == 0
                            ? "unlimited"
                            : std::to_string(service.container_concurrency) + " a pod");
    line("pods", pods_text(service.scaling));
    line("affinity", service.affinity.cookie ? "cookie " + service.affinity.cookie_name + ", " +
                                                   manifest::format_duration(service.affinity.cookie_timeout)
                                             : "none");
    line("timeouts", "queue " + manifest::format_duration(service.pool.queue_timeout) + ", cold start " +
                         manifest::format_duration(service.pool.cold_start_timeout) + ", pod " +
                         manifest::format_duration(service.timeout));
}

void summarize(const manifest::Configuration& configuration) {
    const auto& gateway = configuration.gateway;
    for (const auto& service : configuration.services) summarize(service, gateway);
    for (const auto& mapping : configuration.domain_mappings)
        std::cout << "DomainMapping " << mapping.host << "\n  to           " << mapping.name_space << "/"
                  << mapping.service << "\n";
    std::cout << "Gateway\n";
    const auto show = [](const manifest::Listener& listener) {
        const bool v6 = listener.address.find(':') != std::string::npos;
        return (v6 ? "[" + listener.address + "]" : listener.address) + ":" + std::to_string(listener.port);
    };
    std::string listens;
    for (const auto& listener : gateway.listeners)
        listens += (listens.empty() ? "" : ", ") + show(listener) + (listener.tls ? " (TLS)" : "");
    line("listens", listens);
    line("admin", show(gateway.admin));
    line("driver", std::holds_alternative<pods::ProcessSettings>(gateway.driver) ? "process" : "static");
    if (gateway.default_service) line("other hosts", *gateway.default_service);
}

}  // namespace

int check(std::span<const std::string> args) {
    const auto request = read(args);
    if (request.help) {
        std::cout << help;
        return 0;
    }
    if (!request.wrong.empty()) {
        std::cerr << "pilotlight check: " << request.wrong << "\nTry: pilotlight check --help\n";
        return 2;
    }
    if (request.explain) {
        std::cout << manifest::explain_annotations();
        return 0;
    }
    const auto loaded = load_all(request.paths);
    for (const auto& problem : loaded.problems) std::cerr << manifest::to_string(problem) << "\n";
    if (!loaded.configuration) {
        const auto errors = std::ranges::count(loaded.problems, false, &manifest::Problem::warning);
        std::cerr << errors << (errors == 1 ? " error\n" : " errors\n");
        return 1;
    }
    summarize(*loaded.configuration);
    return 0;
}

}  // namespace cli
