#include "cli/kubeconfig.hpp"

#include <fmt/format.h>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>

#include "admin/client.hpp"

namespace cli {
namespace {

constexpr std::string_view help =
    R"(Prints a kubeconfig with which kubectl and kn find the gateway and are let in. It holds the token: keep it as one.

  pilotlight kubeconfig > pilotlight.kubeconfig
  pilotlight kubeconfig --server https://gpu.example.org:9901 --token-file token --ca-file ca.pem > k && chmod 600 k
  kubectl --kubeconfig k get pods -w

Usage: pilotlight kubeconfig [flags]

  -n, --namespace NS            the namespace that is meant when none is named (default: default)
      --server URL              the admin address (default: $PILOTLIGHT_SERVER, or http://127.0.0.1:9901)
      --token-file FILE         the token is on its first line          PILOTLIGHT_TOKEN_FILE, PILOTLIGHT_ADMIN_TOKEN
      --ca-file FILE            whose certificates are believed         PILOTLIGHT_CA_FILE
      --client-certificate FILE, --client-key FILE                      PILOTLIGHT_CLIENT_CERTIFICATE, PILOTLIGHT_CLIENT_KEY

kubectl sends tokens over https only.
)";

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

int kubeconfig(std::span<const std::string> args, std::ostream& out, std::ostream& err) try {
    const char* from_environment = std::getenv("PILOTLIGHT_SERVER");
    std::string server =
        from_environment != nullptr && *from_environment != '\0' ? from_environment : "http://127.0.0.1:9901";
    std::string name_space = "default";
    for (std::size_t i = 0; i < args.size(); ++i) {
        auto flag = args[i];
        if (flag == "--help" || flag == "-h") return out << help, 0;
        std::string value;
        if (const auto equals = flag.find('='); equals != std::string::npos) {
            value = flag.substr(equals + 1);
            flag.resize(equals);
        } else if (i + 1 < args.size()) {
            value = args[++i];
        }
        if (value.empty() || (flag != "--server" && flag != "--namespace" && flag != "-n"))
            return err << "pilotlight kubeconfig: " << args[i] << " is no flag with a value\n"
                       << "See 'pilotlight kubeconfig --help'.\n",
                   2;
        (flag == "--server" ? server : name_space) = value;
    }
    if (server.find("://") == std::string::npos) server = "http://" + server;
    const auto settings = admin::settings_of_environment();
    const admin::Client checks(server,
                               settings);  // that it is an address, and that no token goes in the clear
    if (server.starts_with("http://") && !settings.token.empty())
        err << "note: kubectl sends tokens over https only; give spec.admin.tls and --server https://...\n";
    out << text(server, name_space, settings);
    return 0;
} catch (const std::invalid_argument& error) {
    err << "pilotlight kubeconfig: " << error.what() << "\n";
    return 2;
}

}  // namespace cli
