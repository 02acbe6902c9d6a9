#include "cli/logs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iostream>

#include "admin/client.hpp"
#include "cli/connection_flags.hpp"
#include "cli/words.hpp"

namespace cli {
namespace {

struct LogOptions {
    std::string pod, name_space, server, query;
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

LogOptions read_log_options(const Words& words) {
    LogOptions out;
    out.server = server_of(words);
    out.name_space = words.value("--namespace", "default");
    if (const auto lines = words.value("--tail")) out.query += "&tailLines=" + digits("--tail", *lines);
    if (const auto since = words.value("--since"))
        out.query += fmt::format("&sinceSeconds={}", seconds(*since));
    if (words.has("--follow")) out.query += "&follow=true";
    if (words.has("--timestamps")) out.query += "&timestamps=true";
    out.pod = words.only("the log of which pod? 'pilotlight get pods' lists them");
    for (const std::string_view prefix : {"pod/", "pods/", "po/"})
        if (out.pod.starts_with(prefix)) out.pod.erase(0, prefix.size());
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
    if (reply.status != 200) return err << admin::refusal_in(reply) << "\n", 1;
    return 0;
}

}  // namespace

int logs(std::span<const std::string> args, std::ostream& out, std::ostream& err) {
    return within("logs", args, out, err,
                  [&](const Words& words) { return run(read_log_options(words), out, err); });
}

}  // namespace cli
