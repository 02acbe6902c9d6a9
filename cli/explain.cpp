#include "cli/explain.hpp"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <filesystem>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/rule_tables.hpp"
#include "cli/words.hpp"
#include "manifest/hosts.hpp"
#include "manifest/load.hpp"
#include "router/routes.hpp"
#include "router/rules.hpp"

namespace cli {
namespace {

constexpr std::string_view url_schemes[]{"http://", "https://", "ws://", "wss://"};

struct Request {
    std::vector<std::filesystem::path> paths;
    std::vector<std::string> words;  // METHOD URL
    std::optional<router::Profile> profile;
    std::string accept;
    bool websocket = false, bearer = false, list = false, json = false;
};

void check_usage(const Request& request) {
    if (request.profile && !request.paths.empty())
        throw Usage("with manifests the service's own profile counts; leave --profile out");
    if (request.list && !request.words.empty())
        throw Usage("--list lists all rules; leave '" + request.words.front() + "' out");
    if (request.list) return;
    if (request.words.size() != 2)
        throw Usage("write a method and a URL: pilotlight explain POST /sdapi/v1/txt2img");
    if (std::ranges::any_of(request.words[0], [](char c) { return c >= 'a' && c <= 'z'; }))
        throw Usage("'" + request.words[0] + "': methods have a case; write it in capitals");
}

Request read_request(const Words& words) {
    Request request;
    for (const auto& path : words.values("--filename")) request.paths.emplace_back(path);
    request.words = words.free();
    request.list = words.has("--list");
    if (request.list && !request.paths.empty())  // it takes no words: they are more files
        for (auto& word : std::exchange(request.words, {})) request.paths.emplace_back(std::move(word));
    if (const auto name = words.value("--profile")) request.profile = router::profile_named(*name);
    request.accept = words.value("--accept", "");
    request.websocket = words.has("--websocket");
    request.bearer = words.has("--bearer");
    request.json = words.has("--output");
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

// The same for programs, on one line. Fields are added, never renamed.
boost::json::object class_as_json(const router::Classified& classified, const router::Rule& rule) {
    boost::json::object out{{"class", std::string(1, letter(classified.what))},
                            {"meaning", meaning_of(classified.what)},
                            {"rule", rule.text},
                            {"origin", rule.origin},
                            {"taskOnly", classified.task_only}};
    out["until"] = classified.what == router::Class::job ? word_of(classified.until) : "";
    out["towards"] = word_of(classified.towards);
    return out;
}

boost::json::object route_as_json(const manifest::Service& service) {
    return {{"service", full_name(service)}, {"port", service.container.port}};
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
    const auto& rule = rules->all()[classified.number];
    if (request.json) {
        auto whole = class_as_json(classified, rule);
        whole["route"] = service ? boost::json::value(route_as_json(*service)) : nullptr;
        return out << boost::json::serialize(whole) << "\n", 0;
    }
    if (service)
        line(out, "route",
             full_name(*service) + ", port " + std::to_string(service->container.port) + " of its pods");
    explain_class(classified, rule, out);
    return 0;
}

boost::json::object rules_as_json(const manifest::Service* service, router::Profile profile) {
    const auto rules =
        service ? router::Rules::make(profile, service->rules).rules : router::Rules::make(profile).rules;
    boost::json::array list;
    for (const auto& rule : rules->all())
        list.push_back(
            {{"class", std::string(1, letter(rule.what))}, {"rule", rule.text}, {"origin", rule.origin}});
    boost::json::object out{{"profile", name_of(profile)}, {"rules", std::move(list)}};
    out["service"] = service ? boost::json::value(full_name(*service)) : nullptr;
    return out;
}

int list_all(const Request& request, const manifest::Configuration* all, std::ostream& out) {
    if (request.json) {
        boost::json::array tables;
        if (!all)
            tables.push_back(rules_as_json(nullptr, request.profile.value_or(router::Profile::automatic)));
        else
            for (const auto& service : all->services)
                tables.push_back(rules_as_json(&service, service.profile));
        return out << boost::json::serialize(tables) << "\n", 0;
    }
    if (!all) return print_rules(nullptr, request.profile.value_or(router::Profile::automatic), out), 0;
    for (const auto& service : all->services) {
        if (all->services.size() > 1)
            out << "# ---- " << full_name(service) << ", profile " << name_of(service.profile) << "\n";
        print_rules(&service, service.profile, out);
    }
    return 0;
}

int run(const Words& words, std::ostream& out, std::ostream& err) {
    if (words.has("--words")) return print_words(out), 0;
    const auto request = read_request(words);
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

}  // namespace

int explain(std::span<const std::string> args, std::ostream& out, std::ostream& err) {
    return within("explain", args, out, err, [&](const Words& words) { return run(words, out, err); });
}

}  // namespace cli
