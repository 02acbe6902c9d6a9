#include "router/ids.hpp"

#include <algorithm>
#include <array>

#include "router/pattern.hpp"

namespace router {
namespace {

struct Named {
    std::string_view name, kind;
};

constexpr std::array query_names{
    Named{"session_hash", id_kind::session}, Named{"event_id", id_kind::event},
    Named{"clientId", id_kind::client},      Named{"client_id", id_kind::client},
    Named{"prompt_id", id_kind::prompt},     Named{"id_task", id_kind::task},
};
constexpr std::array member_names{
    Named{"session_hash", id_kind::session}, Named{"event_id", id_kind::event},
    Named{"client_id", id_kind::client},     Named{"prompt_id", id_kind::prompt},
    Named{"id_task", id_kind::task},         Named{"force_task_id", id_kind::task},
};

template <class Names>
std::string_view kind_of(const Names& names, std::string_view name) {
    const auto found = std::ranges::find(names, name, &Named::name);
    return found == names.end() ? std::string_view() : found->kind;
}

void add(std::vector<std::string>& ids, std::string_view kind, std::string_view value) {
    auto one = id(kind, value);
    if (one && std::ranges::find(ids, *one) == ids.end()) ids.push_back(std::move(*one));
}

using Parts = std::vector<std::string_view>;

// /heartbeat/HASH, /call/FUNCTION/EVENT, /history/PROMPT, /jobs/PROMPT/cancel, /sdcpp/v1/jobs/JOB...
void add_from_path(Parts parts, std::vector<std::string>& ids) {
    if (!parts.empty() && (parts.front() == "gradio_api" || parts.front() == "api"))
        parts.erase(parts.begin());
    const auto is = [&](std::size_t at, std::string_view text) {
        return at < parts.size() && parts[at] == text;
    };
    if (parts.size() == 2 && is(0, "heartbeat")) add(ids, id_kind::session, parts[1]);
    if (parts.size() == 3 && is(0, "call")) add(ids, id_kind::event, parts[2]);
    if (parts.size() == 2 && is(0, "history")) add(ids, id_kind::prompt, parts[1]);
    if ((parts.size() == 2 || parts.size() == 3) && is(0, "jobs")) add(ids, id_kind::prompt, parts[1]);
    if (parts.size() >= 4 && is(0, "sdcpp") && is(2, "jobs")) add(ids, id_kind::job, parts[3]);
    if (parts.size() >= 3 && is(0, "stream")) add(ids, id_kind::session, parts[1]);
}

void add_from_query(std::string_view query, std::vector<std::string>& ids) {
    while (!query.empty()) {
        const auto pair = query.substr(0, query.find('&'));
        query.remove_prefix(std::min(pair.size() + 1, query.size()));
        const auto equals = pair.find('=');
        if (equals == std::string_view::npos) continue;
        const auto kind = kind_of(query_names, pair.substr(0, equals));
        if (!kind.empty()) add(ids, kind, percent_decoded(pair.substr(equals + 1)));
    }
}

}  // namespace

std::optional<std::string> id(std::string_view kind, std::string_view value) {
    const auto printable = [](char c) { return c >= ' ' && c <= '~'; };
    if (value.empty() || value.size() > longest_id || !std::ranges::all_of(value, printable))
        return std::nullopt;
    return std::string(kind) + ":" + std::string(value);
}

std::vector<std::string> ids_in_target(std::string_view path, std::string_view query) {
    std::vector<std::string> ids;
    std::string decoded;
    if (path.find('%') != std::string_view::npos) path = decoded = percent_decoded(path);
    Segments segments;
    split_path(path, true, segments);
    add_from_path(Parts(segments.begin(), segments.end()), ids);
    add_from_query(query, ids);
    return ids;
}

std::optional<std::string> id_in_member(std::string_view path, std::string_view member,
                                        std::string_view value) {
    if (member == "data0") return is_task(value) ? id(id_kind::task, value) : std::nullopt;
    if (member == "id") return path.starts_with("/sdcpp/v1/") ? id(id_kind::job, value) : std::nullopt;
    const auto kind = kind_of(member_names, member);
    return kind.empty() ? std::nullopt : id(kind, value);
}

bool is_task(std::string_view data0) {
    return data0.starts_with("task(");
}

}  // namespace router
