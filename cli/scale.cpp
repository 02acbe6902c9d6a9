#include "cli/scale.hpp"

#include <fmt/format.h>

#include <boost/json/parse.hpp>
#include <charconv>
#include <optional>
#include <ostream>
#include <stdexcept>

#include "admin/client.hpp"
#include "admin/patch.hpp"
#include "cli/arguments.hpp"

namespace cli {
namespace {

constexpr std::string_view help = R"(Sets how many pods a service has, whatever the autoscaler wants.

Usage: pilotlight scale SERVICE --replicas N [-n NAMESPACE] [--server URL]
       pilotlight scale SERVICE --auto       [-n NAMESPACE] [--server URL]

  --replicas N     exactly N pods; with 0 the service's requests are answered 503 at once
  --auto           the autoscaler decides again
  -n, --namespace  default: default
  --server URL     default: $PILOTLIGHT_SERVER, else http://127.0.0.1:9901

  pilotlight scale knative-sd-demo --replicas 3
  pilotlight scale knative-sd-demo --auto
)";

struct Wanted {
    std::string service, name_space = "default", server = default_server();
    std::optional<int> replicas;
    bool automatic = false, help = false;
};

int whole_number(const std::string& text) {
    int out = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    if (error != std::errc{} || end != text.data() + text.size() || out < 0)
        throw Usage(fmt::format("--replicas needs a number from 0 on, not \"{}\"", text));
    return out;
}

Wanted parse(std::span<const std::string> args) {
    Wanted out;
    for (Arguments words(args); words.next();) {
        const auto& word = words.flag();
        if (word == "--replicas")
            out.replicas = whole_number(words.value());
        else if (word == "--auto")
            words.no_value(), out.automatic = true;
        else if (words.is("-n", "--namespace"))
            out.name_space = words.value();
        else if (word == "--server")
            out.server = words.value();
        else if (words.is("-h", "--help"))
            words.no_value(), out.help = true;
        else if (word.starts_with("-"))
            throw Usage(fmt::format("unknown flag {}", word));
        else if (out.service.empty())
            out.service = word;
        else
            throw Usage(fmt::format("one SERVICE, and \"{}\" is another", word));
    }
    if (out.help) return out;
    if (out.service.empty()) throw Usage("which service?");
    if (out.automatic == out.replicas.has_value()) throw Usage("either --replicas N or --auto");
    return out;
}

std::string reason_of(const admin::Reply& reply) {
    boost::system::error_code error;
    const auto status = boost::json::parse(reply.body, error);
    if (error) return fmt::format("the gateway answered {}", reply.status);
    return fmt::format("Error from server ({}): {}", admin::text(status, {"reason"}),
                       admin::text(status, {"message"}));
}

int run(const Wanted& wanted, std::ostream& out, std::ostream& err) {
    for (const auto* name : {&wanted.service, &wanted.name_space})
        if (name->find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-.") != std::string::npos)
            throw Usage(fmt::format("\"{}\" is no name", *name));
    admin::Client client(wanted.server);
    const auto target =
        fmt::format("/apis/serving.knative.dev/v1/namespaces/{}/services/{}?fieldManager=pilotlight-scale",
                    wanted.name_space, wanted.service);
    const auto value = wanted.replicas ? fmt::format("\"{}\"", *wanted.replicas) : std::string("null");
    const auto patch =
        fmt::format(R"({{"metadata":{{"annotations":{{"pilotlight.dev/replicas":{}}}}}}})", value);
    const auto reply = client.send("PATCH", target, "application/merge-patch+json", patch);
    if (reply.status != 200) return err << reason_of(reply) << "\n", 1;
    if (wanted.replicas)
        out << fmt::format("service.serving.knative.dev/{} scaled to {}\n", wanted.service, *wanted.replicas);
    else
        out << fmt::format("service.serving.knative.dev/{}: the autoscaler decides\n", wanted.service);
    return 0;
}

}  // namespace

int scale(std::span<const std::string> args, std::ostream& out, std::ostream& err) {
    try {
        const auto wanted = parse(args);
        if (!wanted.help) return run(wanted, out, err);
        out << help;
        return 0;
    } catch (const Usage& error) {
        err << "pilotlight scale: " << error.what() << "\nSee 'pilotlight scale --help'.\n";
        return 2;
    } catch (const std::invalid_argument& error) {
        err << "pilotlight scale: " << error.what() << "\n";
        return 2;
    } catch (const std::exception& error) {
        err << error.what() << "\n";
        return 1;
    }
}

}  // namespace cli
