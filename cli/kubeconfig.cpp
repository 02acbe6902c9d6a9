#include "cli/kubeconfig.hpp"

#include <fmt/format.h>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <filesystem>
#include <stdexcept>

#include "admin/client.hpp"
#include "cli/connection_flags.hpp"
#include "cli/words.hpp"

namespace cli {
namespace {

std::string whole(const std::filesystem::path& file) {
    std::error_code error;
    const auto path = std::filesystem::canonical(file, error);
    if (error) throw std::invalid_argument(fmt::format("{}: {}", file.string(), error.message()));
    return path.string();
}

// JSON is YAML, and needs no care for what a token may hold.
std::string text(const std::string& server, const std::string& name_space,
                 const admin::ClientSettings& settings) {
    namespace json = boost::json;
    json::object cluster{{"server", server}}, user;
    if (!settings.ca.empty()) cluster["certificate-authority"] = whole(settings.ca);
    if (!settings.token.empty()) user["token"] = settings.token;
    if (!settings.certificate.empty()) {
        user["client-certificate"] = whole(settings.certificate);
        user["client-key"] = whole(settings.key);
    }
    const auto named = [](std::string_view what, json::value value) {
        return json::array{json::object{{"name", "pilotlight"}, {what, std::move(value)}}};
    };
    json::object context{{"cluster", "pilotlight"}, {"user", "pilotlight"}, {"namespace", name_space}};
    json::object all;
    all["apiVersion"] = "v1";
    all["kind"] = "Config";
    all["clusters"] = named("cluster", std::move(cluster));
    all["users"] = named("user", std::move(user));
    all["contexts"] = named("context", std::move(context));
    all["current-context"] = "pilotlight";
    return json::serialize(all) + "\n";
}

}  // namespace

int kubeconfig(std::span<const std::string> args, std::ostream& out, std::ostream& err) {
    return within("kubeconfig", args, out, err, [&](const Words& words) {
        auto server = server_of(words);
        if (!words.free().empty())
            throw Usage(fmt::format("it takes flags only, and '{}' is none", words.free()[0]));
        if (server.find("://") == std::string::npos) server = "http://" + server;
        const auto settings = admin::settings_of_environment();
        const admin::Client checks(server,
                                   settings);  // that it is an address, and that no token goes in the clear
        if (server.starts_with("http://") && !settings.token.empty())
            err << "note: kubectl sends tokens over https only; give spec.admin.tls and --server "
                   "https://...\n";
        out << text(server, words.value("--namespace", "default"), settings);
        return 0;
    });
}

}  // namespace cli
