#include "cli/scale.hpp"

#include <fmt/format.h>

#include <limits>
#include <optional>
#include <ostream>
#include <stdexcept>

#include "admin/client.hpp"
#include "cli/connection_flags.hpp"
#include "cli/words.hpp"

namespace cli {
namespace {

struct WantedScale {
    std::string service, name_space, server;
    std::optional<long> replicas;  // empty: the autoscaler decides
};

WantedScale read_wanted_scale(const Words& words) {
    WantedScale out;
    out.server = server_of(words);
    out.name_space = words.value("--namespace", "default");
    out.service = words.only("which service? 'pilotlight get services' lists them");
    out.replicas = words.number("--replicas", 0, std::numeric_limits<int>::max());
    if (words.has("--auto") == out.replicas.has_value())
        throw Usage(fmt::format("write either --replicas N or --auto: pilotlight scale {} --replicas 2",
                                out.service));
    return out;
}

int run(const WantedScale& wanted, std::ostream& out, std::ostream& err) {
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
    if (reply.status != 200) return err << admin::refusal_in(reply) << "\n", 1;
    if (wanted.replicas)
        out << fmt::format("service.serving.knative.dev/{} scaled to {}\n", wanted.service, *wanted.replicas);
    else
        out << fmt::format("service.serving.knative.dev/{}: the autoscaler decides\n", wanted.service);
    return 0;
}

}  // namespace

int scale(std::span<const std::string> args, std::ostream& out, std::ostream& err) {
    return within("scale", args, out, err,
                  [&](const Words& words) { return run(read_wanted_scale(words), out, err); });
}

}  // namespace cli
