#include "cli/logs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <iostream>

#include "admin/client.hpp"
#include "cli/arguments.hpp"

namespace cli {
namespace {

constexpr std::string_view help = R"(Prints what a pod of a running gateway has written to its output.

  pilotlight logs sd-00001-0              all that is kept of it
  pilotlight logs sd-00001-0 --tail 20    the last 20 lines
  pilotlight logs -f sd-00001-0           and on, as it is written, until Ctrl-C or the pod's end
  pilotlight logs --since 10m sd-00001-0  without the files that were full before that

Usage: pilotlight logs POD [flags]

  -n, --namespace NS   the pod's namespace (default: default)
  -f, --follow         go on as the log grows
      --tail N         the last N lines only
      --since TIME     as 30s, 10m or 2h
      --server URL     the gateway's admin address (default: $PILOTLIGHT_SERVER, or http://127.0.0.1:9901)
)";

struct LogOptions {
    std::string pod, name_space = "default", server = default_server(), query;
    bool help = false;
};

std::string digits(std::string_view flag, const std::string& value) {
    if (value.empty() || value.size() > 18 || value.find_first_not_of("0123456789") != std::string::npos)
        throw Usage(fmt::format("{} needs a number, not \"{}\"", flag, value));
    return value;
}

std::uint64_t seconds(const std::string& value) {
    if (value.empty()) throw Usage("--since needs a time as 30s, 10m or 2h");
    const auto unit = std::string_view("smh").find(value.back());
    if (unit == std::string_view::npos) throw Usage("--since needs a time as 30s, 10m or 2h");
    const auto count = std::stoull(digits("--since", value.substr(0, value.size() - 1)));
    return std::min<std::uint64_t>(count, 1'000'000'000) * (unit == 0 ? 1 : unit == 1 ? 60 : 3600);
}

LogOptions parse(std::span<const std::string> args) {
    LogOptions out;
    for (Arguments words(args); words.next();) {
        if (words.is("-n", "--namespace"))
            out.name_space = words.value();
        else if (words.is("--tail", "--tail"))
            out.query += "&tailLines=" + digits("--tail", words.value());
        else if (words.is("--since", "--since"))
            out.query += fmt::format("&sinceSeconds={}", seconds(words.value()));
        else if (words.is("--server", "--server"))
            out.server = words.value();
        else if (words.flag().starts_with("-")) {
            words.no_value();
            if (words.is("-f", "--follow"))
                out.query += "&follow=true";
            else if (words.is("-h", "--help"))
                out.help = true;
            else
                throw Usage(fmt::format("unknown flag {}", words.flag()));
        } else {
            auto name = words.flag();
            for (const std::string_view prefix : {"pod/", "pods/", "po/"})
                if (name.starts_with(prefix)) name.erase(0, prefix.size());
            if (!out.pod.empty()) throw Usage(fmt::format("one pod at a time, and \"{}\" is another", name));
            out.pod = name;
        }
    }
    if (!out.help && out.pod.empty()) throw Usage("the log of which pod? 'pilotlight get pods' lists them");
    for (const auto& name : {out.pod, out.name_space})
        if (name.find_first_of("/?#% ") != std::string::npos)
            throw Usage(fmt::format("\"{}\" is no name", name));
    return out;
}

int run(const LogOptions& options, std::ostream& out, std::ostream& err) {
    admin::Client client(options.server);
    const auto target = fmt::format("/api/v1/namespaces/{}/pods/{}/log?container=user-container{}",
                                    options.name_space, options.pod, options.query);
    const auto reply = client.pour(target, "text/plain, application/json", [&](std::string_view piece) {
        out << piece << std::flush;
        return out.good();
    });
    if (reply.status == 200) return 0;
    boost::system::error_code error;
    const auto status = boost::json::parse(reply.body, error);
    const auto* fields = error ? nullptr : status.if_object();
    const auto* message = fields == nullptr ? nullptr : fields->if_contains("message");
    err << "Error from server: "
        << (message != nullptr && message->is_string() ? std::string(message->get_string())
                                                       : fmt::format("status {}", reply.status))
        << "\n";
    return 1;
}

}  // namespace

int logs(std::span<const std::string> args, std::ostream& out, std::ostream& err) {
    try {
        const auto options = parse(args);
        if (!options.help) return run(options, out, err);
        out << help;
        return 0;
    } catch (const Usage& error) {
        err << "pilotlight logs: " << error.what() << "\nSee 'pilotlight logs --help'.\n";
        return 2;
    } catch (const std::invalid_argument& error) {
        err << "pilotlight logs: " << error.what() << "\n";
        return 2;
    } catch (const std::exception& error) {
        err << error.what() << "\n";
        return 1;
    }
}

}  // namespace cli
