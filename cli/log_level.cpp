#include "cli/log_level.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <ostream>

#include "admin/client.hpp"
#include "admin/log_levels.hpp"
#include "admin/patch.hpp"
#include "cli/connection_flags.hpp"
#include "cli/words.hpp"
#include "manifest/configuration.hpp"

namespace cli {
namespace {

namespace json = boost::json;

struct WantedLevel {
    std::string subsystem, level, server;
    bool reset = false;
};

WantedLevel read_wanted_level(const Words& words) {
    WantedLevel out;
    out.server = server_of(words);
    out.reset = words.has("--reset");
    const auto& free = words.free();
    if (out.reset && !free.empty()) throw Usage("--reset is for all of them and stands alone");
    if (free.size() == 1)
        throw Usage(
            fmt::format("which level for {}? trace, debug, info, warn, error, off or default", free[0]));
    if (free.size() > 2)
        throw Usage(fmt::format("one SUBSYSTEM and one LEVEL are taken, and '{}' is more", free[2]));
    if (free.size() == 2) out.subsystem = free[0], out.level = free[1];
    return out;
}

std::string body_for(const WantedLevel& wanted) {
    json::object levels;
    const json::value level = wanted.level == "default" ? json::value() : json::value(wanted.level);
    if (wanted.subsystem == "all")
        for (const auto name : manifest::log_subsystems) levels[name] = level;
    else if (!wanted.reset)
        levels[wanted.subsystem] = level;
    json::object out;
    out["levels"] = std::move(levels);
    return json::serialize(out);
}

void print(const json::value& logging, std::ostream& out) {
    const auto* by_hand = admin::find(logging, {"setByHand"});
    const auto is_by_hand = [&](std::string_view name) {
        return by_hand != nullptr && by_hand->is_array() &&
               std::ranges::any_of(by_hand->get_array(), [&](const json::value& one) {
                   return one.is_string() && std::string_view(one.get_string()) == name;
               });
    };
    out << fmt::format("{:<10} {:<6} {}\n", "SUBSYSTEM", "LEVEL", "SET BY");
    for (const auto name : manifest::log_subsystems)
        out << fmt::format("{:<10} {:<6} {}\n", name, admin::text(logging, {"levels", name}),
                           is_by_hand(name) ? "hand" : "manifest");
    if (const auto until = admin::text(logging, {"until"}); !until.empty())
        out << "\nWhat is set by hand holds until " << until << ".\n";
}

int run(const WantedLevel& wanted, std::ostream& out, std::ostream& err) {
    admin::Client client(wanted.server);
    const std::string path(admin::logging_path);
    const bool asks = !wanted.reset && wanted.subsystem.empty();
    const auto reply = asks ? client.get(path, "application/json")
                       : wanted.reset
                           ? client.send("PUT", path, "application/json", body_for(wanted))
                           : client.send("PATCH", path, "application/merge-patch+json", body_for(wanted));
    if (reply.status != 200) return err << admin::refusal_in(reply) << "\n", 1;
    boost::system::error_code error;
    const auto logging = json::parse(reply.body, error);
    if (error) return err << "the gateway's answer is no JSON: " << error.message() << "\n", 1;
    print(logging, out);
    return 0;
}

}  // namespace

int log_level(std::span<const std::string> args, std::ostream& out, std::ostream& err) {
    return within("log-level", args, out, err,
                  [&](const Words& words) { return run(read_wanted_level(words), out, err); });
}

}  // namespace cli
