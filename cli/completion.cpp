#include "cli/completion.hpp"

#include <boost/json/parse.hpp>
#include <chrono>
#include <ostream>

#include "admin/client.hpp"
#include "cli/complete.hpp"
#include "cli/connection_flags.hpp"
#include "cli/words.hpp"

namespace cli {
namespace {

namespace json = boost::json;

// What stands on a command line as it is, whatever the shell.
bool plain(std::string_view name) {
    return !name.empty() &&
           name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-.") == std::string_view::npos;
}

std::string target_of(const std::string& name_space, std::string_view kind) {
    if (kind == "namespaces") return "/api/v1/namespaces";
    const bool core = kind == "pods" || kind == "events";
    std::string out = core                       ? "/api/v1"
                      : kind == "domainmappings" ? "/apis/serving.knative.dev/v1beta1"
                                                 : "/apis/serving.knative.dev/v1";
    if (!name_space.empty()) out += "/namespaces/" + name_space;
    return out + "/" + std::string(kind);
}

// Whoever presses a key waits: no gateway, no names, and nothing is said.
std::vector<std::string> ask(const Command& command, std::span<const std::string> before,
                             std::string_view kind) {
    std::vector<std::string> out;
    try {
        const Words words(command, before);
        const auto server = server_of(words);
        auto settings = admin::settings_of_environment();
        settings.connect_patience = std::chrono::milliseconds(500);
        settings.answer_patience = std::chrono::seconds(1);
        std::string name_space = "default";
        if (find_flag(command, "--all-namespaces") != nullptr && words.has("--all-namespaces"))
            name_space.clear();
        if (find_flag(command, "--namespace") != nullptr) name_space = words.value("--namespace", name_space);
        if (command.name == "top") name_space.clear();
        if (!name_space.empty() && !plain(name_space)) return out;
        const auto reply = admin::Client(server, settings)
                               .get(target_of(name_space, kind) + "?limit=500", "application/json");
        if (reply.status != 200) return out;
        const auto list = json::parse(reply.body);
        for (const auto& item : list.at("items").as_array()) {
            const std::string_view name = item.at("metadata").at("name").as_string();
            if (plain(name)) out.emplace_back(name);
        }
    } catch (const std::exception&) {
        out.clear();
    }
    return out;
}

}  // namespace

int completion(const std::string& command, std::span<const std::string> args, std::ostream& out,
               std::ostream& err) {
    if (command == "__complete") {
        // Taken as they are: they are somebody else's flags.
        const bool marked = !args.empty() && args.front() == "--";
        out << to_lines(complete(marked ? args.subspan(1) : args, ask));
        return 0;
    }
    return within("completion", args, out, err, [&](const Words& words) {
        const auto shell = words.only("for which shell? bash, zsh or fish");
        if (shell != "bash" && shell != "zsh" && shell != "fish")
            throw Usage("there are completions for bash, zsh and fish, not for '" + shell + "'");
        out << completion_script(shell);
        return 0;
    });
}

}  // namespace cli
