#include "cli/explain.hpp"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string_view>
#include <vector>

#include "cli/rule_tables.hpp"
#include "manifest/hosts.hpp"
#include "manifest/load.hpp"
#include "router/routes.hpp"
#include "router/rules.hpp"

namespace cli {
namespace {

constexpr std::string_view help =
    R"(Says where a request goes, what it costs a pod, and by which rule. Nothing is started.

Usage:
  pilotlight explain METHOD URL [-f PATH...] [flags]
  pilotlight explain --list [--profile NAME] [-f PATH...]

Examples:
  # Does a generation take a slot?
  pilotlight explain POST /sdapi/v1/txt2img

  # With manifests: which service has this host, and do its own rules say something else?
  pilotlight explain GET http://knative-sd-demo.default.example.com/internal/ping -f conf/knative-sd-demo.yaml

  # A page, as a browser asks for it
  pilotlight explain GET /my/page --accept text/html

  # The socket of ComfyUI
  pilotlight explain GET /ws --websocket

  # All rules of a profile, in the order in which they are tried; of a service, with its own before them
  pilotlight explain --list --profile comfyui
  pilotlight explain --list -f conf/

Options:
  -f, --filename PATH   files or folders of YAML; may be repeated, and takes several paths
      --profile NAME    auto, stable-diffusion, comfyui, gradio or strict; without manifests (default: auto)
      --accept TYPE     the request's Accept field
      --websocket       it asks for a WebSocket, as does a URL that begins with ws:
      --bearer          it has an Authorization: Bearer
      --list            the rules as a table
      --words           what the words of a rule mean
  -h, --help            this text

Exit codes: 0 answered, 1 wrong manifests or nobody's host, 2 wrong usage.
)";

constexpr std::string_view url_schemes[]{"http://", "https://", "ws://", "wss://"};

struct Request {
    std::vector<std::filesystem::path> paths;
    std::vector<std::string> words;  // METHOD URL
    std::optional<router::Profile> profile;
    std::string accept;
    bool websocket = false, bearer = false, list = false, about_words = false, help = false;
    std::string wrong;  // what is wrong with the usage; empty: nothing
};

void set_profile(const std::string& name, Request& request) {
    request.profile = router::profile_named(name);
    if (!request.profile)
        request.wrong =
            "there is no profile '" + name + "'; they are auto, stable-diffusion, comfyui, gradio and strict";
}

// A flag with a value that stands behind it or behind its '='. False: it is another flag.
template <class Set>
bool take_value(std::span<const std::string> args, std::size_t& at, std::string_view flag, Request& request,
                Set set) {
    const std::string_view arg = args[at];
    if (arg.starts_with(std::string(flag) + "=")) return set(std::string(arg.substr(flag.size() + 1))), true;
    if (arg != flag) return false;
    if (at + 1 == args.size())
        request.wrong = std::string(flag) + " wants a value";
    else
        set(args[++at]);
    return true;
}

bool take_switch(std::string_view arg, Request& request) {
    if (arg == "--websocket") return request.websocket = true;
    if (arg == "--bearer") return request.bearer = true;
    if (arg == "--list") return request.list = true;
    if (arg == "--words") return request.about_words = true;
    if (arg == "-h" || arg == "--help") return request.help = true;
    return false;
}

void check_usage(Request& request) {
    if (!request.wrong.empty() || request.help || request.about_words) return;
    if (request.profile && !request.paths.empty())
        request.wrong = "with manifests the service's own profile counts; leave --profile out";
    else if (request.list && !request.words.empty())
        request.wrong = "--list lists all rules; leave '" + request.words.front() + "' out";
    else if (!request.list && request.words.size() != 2)
        request.wrong = "write a method and a URL: pilotlight explain POST /sdapi/v1/txt2img";
    else if (!request.list &&
             std::ranges::any_of(request.words[0], [](char c) { return c >= 'a' && c <= 'z'; }))
        request.wrong = "'" + request.words[0] + "': methods have a case; write it in capitals";
}

Request read(std::span<const std::string> args) {
    Request request;
    bool takes_paths = false;
    const auto path = [&](const std::string& value) { request.paths.emplace_back(value); };
    for (std::size_t at = 0; at < args.size() && request.wrong.empty(); ++at) {
        const auto& arg = args[at];
        if (take_value(args, at, "-f", request, path) || take_value(args, at, "--filename", request, path)) {
            takes_paths = true;
            continue;
        }
        if (!arg.starts_with('-')) {
            if (takes_paths && (request.list || request.words.size() == 2))
                path(arg);
            else
                request.words.push_back(arg);
            continue;
        }
        takes_paths = false;
        if (take_switch(arg, request) ||
            take_value(args, at, "--accept", request,
                       [&](const std::string& value) { request.accept = value; }) ||
            take_value(args, at, "--profile", request,
                       [&](const std::string& value) { set_profile(value, request); }))
            continue;
        request.wrong = "unknown option " + arg;
    }
    check_usage(request);
    return request;
}

struct Url {
    std::string host;  // empty: none was given
    std::string path, query;
    bool websocket = false;
};

Url read_url(std::string_view text) {
    Url url;
    for (const auto scheme : url_schemes)
        if (text.starts_with(scheme)) {
            text.remove_prefix(scheme.size());
            url.websocket = scheme.starts_with("ws");
            break;
        }
    text = text.substr(0, text.find('#'));
    const auto host = text.substr(0, text.find_first_of("/?"));
    url.host = host;
    text.remove_prefix(host.size());
    const auto question = text.find('?');
    url.path = question == 0 || text.empty() ? "/" : std::string(text.substr(0, question));
    if (question != std::string_view::npos) url.query = text.substr(question + 1);
    return url;
}

void line(std::ostream& out, std::string_view name, const std::string& value) {
    out << name << std::string(9 - name.size(), ' ') << value << "\n";
}

std::string full_name(const manifest::Service& service) {
    return service.name_space + "/" + service.name;
}

// The service with the URL's host; a URL without one is the default service's, or the only one's.
const manifest::Service* service_of(const manifest::Configuration& all, const std::string& host) {
    router::Routes routes;
    for (std::size_t i = 0; i < all.services.size(); ++i) {
        const auto& service = all.services[i];
        const auto add = [&](std::string_view tag) {
            for (const auto& name : manifest::hosts_of(service, tag, all.gateway)) routes.add(name, i);
        };
        add("");
        for (const auto& target : service.traffic)
            if (!target.tag.empty()) add(target.tag);
        for (const auto& mapping : all.domain_mappings)
            if (mapping.name_space == service.name_space && mapping.service == service.name)
                routes.add(mapping.host, i);
        if (all.gateway.default_service == full_name(service)) routes.set_default(i);
    }
    if (host.empty() && all.services.size() == 1) return &all.services.front();
    const auto found = routes.find(host);
    return found ? &all.services[*found] : nullptr;
}

void explain_class(const router::Classified& classified, const router::Rule& rule, std::ostream& out) {
    using router::Class;
    line(out, "class",
         std::string(1, letter(classified.what)) + "  " + std::string(meaning_of(classified.what)));
    if (classified.task_only)
        line(out, "if", "data[0] of its JSON body begins with \"task(\"; otherwise it takes no slot");
    if (classified.what == Class::job) line(out, "until", std::string(meaning_of(classified.until)));
    if (classified.what == Class::light || classified.what == Class::stream)
        line(out, "to", std::string(meaning_of(classified.towards)));
    line(out, "rule", rule.text);
    line(out, "from", rule.origin);
}

std::shared_ptr<const router::Rules> rules_for(const manifest::Service* service, const Request& request) {
    if (service) return router::Rules::make(service->profile, service->rules).rules;
    return router::Rules::make(request.profile.value_or(router::Profile::automatic)).rules;
}

int answer(const Request& request, const manifest::Configuration* all, std::ostream& out, std::ostream& err) {
    const auto& method = request.words[0];
    const auto url = read_url(request.words[1]);
    const auto* service = all ? service_of(*all, url.host) : nullptr;
    if (all && !service) {
        if (url.host.empty())
            err << "pilotlight explain: there are " << all->services.size()
                << " services; write a URL with the host of one\n";
        else
            err << "pilotlight explain: no service has the host '" << url.host << "'; it is answered 404\n";
        for (const auto& one : all->services)
            for (const auto& host : manifest::hosts_of(one, "", all->gateway))
                err << "  http://" << host << "/\n";
        return 1;
    }
    const auto rules = rules_for(service, request);
    const bool websocket = request.websocket || url.websocket || method == "WS";
    const auto classified = rules->classify({method == "WS" ? std::string_view("GET") : method, url.path,
                                             url.query, request.accept, websocket, request.bearer});
    if (service)
        line(out, "route",
             full_name(*service) + ", port " + std::to_string(service->container.port) + " of its pods");
    explain_class(classified, rules->all()[classified.number], out);
    return 0;
}

int list_all(const Request& request, const manifest::Configuration* all, std::ostream& out) {
    if (!all) return print_rules(nullptr, request.profile.value_or(router::Profile::automatic), out), 0;
    for (const auto& service : all->services) {
        if (all->services.size() > 1)
            out << "# ---- " << full_name(service) << ", profile " << name_of(service.profile) << "\n";
        print_rules(&service, service.profile, out);
    }
    return 0;
}

}  // namespace

int explain(std::span<const std::string> args, std::ostream& out, std::ostream& err) {
    const auto request = read(args);
    if (request.help) return out << help, 0;
    if (!request.wrong.empty()) {
        err << "pilotlight explain: " << request.wrong << "\nTry: pilotlight explain --help\n";
        return 2;
    }
    if (request.about_words) return print_words(out), 0;
    std::optional<manifest::Configuration> all;
    if (!request.paths.empty()) {
        auto loaded = manifest::load_files(request.paths);
        for (const auto& problem : loaded.problems)
            if (!problem.warning) err << manifest::to_string(problem) << "\n";
        if (!loaded.configuration) return 1;
        all = std::move(loaded.configuration);
    }
    const auto* configuration = all ? &*all : nullptr;
    return request.list ? list_all(request, configuration, out) : answer(request, configuration, out, err);
}

}  // namespace cli
