#include "cli/check.hpp"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <boost/json/value_from.hpp>
#include <filesystem>
#include <iostream>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "cli/load.hpp"
#include "cli/words.hpp"
#include "manifest/annotations.hpp"
#include "manifest/hosts.hpp"
#include "manifest/units.hpp"
#include "pods/environment.hpp"

namespace cli {

namespace {

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

// For programs, on one line. Fields are added, never renamed.
boost::json::object as_json(const manifest::Loaded& loaded) {
    boost::json::array problems, services;
    for (const auto& one : loaded.problems)
        problems.push_back({{"file", one.file},
                            {"line", one.line},
                            {"column", one.column},
                            {"warning", one.warning},
                            {"text", one.text}});
    if (loaded.configuration)
        for (const auto& service : loaded.configuration->services)
            services.push_back({{"namespace", service.name_space},
                                {"name", service.name},
                                {"hosts", boost::json::value_from(manifest::hosts_of(
                                              service, {}, loaded.configuration->gateway))},
                                {"image", service.container.image},
                                {"containerConcurrency", service.container_concurrency},
                                {"minScale", service.scaling.min_scale},
                                {"maxScale", service.scaling.max_scale}});
    return {{"valid", loaded.configuration.has_value()},
            {"problems", std::move(problems)},
            {"services", std::move(services)}};
}

int run_check(const Words& words) {
    if (!words.free().empty())
        throw Usage("to check " + words.free().front() + ", write -f " + words.free().front());
    if (words.has("--explain-annotations")) return std::cout << manifest::explain_annotations(), 0;
    const auto paths = words.values("--filename");
    if (paths.empty()) throw Usage("nothing to check; write -f PATH");
    const auto loaded = load_all(std::vector<std::filesystem::path>(paths.begin(), paths.end()));
    if (words.has("--output"))
        return std::cout << boost::json::serialize(as_json(loaded)) << "\n", loaded.configuration ? 0 : 1;
    for (const auto& problem : loaded.problems) std::cerr << manifest::to_string(problem) << "\n";
    if (!loaded.configuration) {
        const auto errors = std::ranges::count(loaded.problems, false, &manifest::Problem::warning);
        std::cerr << errors << (errors == 1 ? " error\n" : " errors\n");
        return 1;
    }
    summarize(*loaded.configuration);
    return 0;
}

}  // namespace

int check(std::span<const std::string> args) {
    return within("check", args, std::cout, std::cerr, run_check);
}

}  // namespace cli
