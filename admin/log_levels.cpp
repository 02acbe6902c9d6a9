#include "admin/log_levels.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "admin/entry.hpp"
#include "proxy/log.hpp"
#include "proxy/traffic/text.hpp"

namespace admin {
namespace {

namespace json = boost::json;

constexpr std::size_t longest_levels = 4 << 10;
constexpr std::string_view until = "the next reload (SIGHUP), restart or upgrade";

Answer invalid(std::string_view what) {
    return refuse(422, "Invalid", what);
}

std::string in_quotes(std::string_view text) {
    return fmt::format("\"{}\"", proxy::escape_controls(text.substr(0, 40)));
}

bool is_known(std::string_view subsystem) {
    return std::ranges::find(manifest::log_subsystems, subsystem) != manifest::log_subsystems.end();
}

// A level, or empty for null; the Answer is what is wrong.
std::variant<std::optional<std::string>, Answer> read_level(std::string_view subsystem,
                                                            const json::value& value) {
    if (value.is_null()) return std::optional<std::string>();
    const auto* text = value.if_string();
    if (text != nullptr &&
        std::ranges::find(manifest::log_levels, std::string_view(*text)) != manifest::log_levels.end())
        return std::optional<std::string>(std::string(*text));
    return invalid(fmt::format("levels.{}: must be {}, or null for what the manifest says, not {}", subsystem,
                               fmt::join(manifest::log_levels, ", "),
                               text != nullptr ? in_quotes(*text) : std::string("this")));
}

std::variant<LevelChanges, Answer> read_levels(const json::object& levels, bool all) {
    LevelChanges out;
    if (all)
        for (const auto name : manifest::log_subsystems) out.emplace(name, std::nullopt);
    for (const auto& [key, value] : levels) {
        const std::string subsystem(key);
        if (!is_known(subsystem))
            return invalid(fmt::format("levels: {} is no subsystem; they are {}", in_quotes(subsystem),
                                       fmt::join(manifest::log_subsystems, ", ")));
        auto level = read_level(subsystem, value);
        if (auto* wrong = std::get_if<Answer>(&level)) return std::move(*wrong);
        out[subsystem] = std::get<0>(std::move(level));
    }
    return out;
}

json::object shown() {
    json::object levels;
    json::array by_hand;
    for (std::size_t i = 0; i < manifest::log_subsystems.size(); ++i) {
        const auto subsystem = static_cast<proxy::LogOf>(i);
        levels[manifest::log_subsystems[i]] = proxy::log_level(subsystem);
        if (proxy::log_level_by_hand(subsystem)) by_hand.emplace_back(manifest::log_subsystems[i]);
    }
    json::object out;
    out["levels"] = std::move(levels);
    if (!by_hand.empty()) out["until"] = until;
    out["setByHand"] = std::move(by_hand);
    return out;
}

void carry_out(const LevelChanges& changes) {
    for (std::size_t i = 0; i < manifest::log_subsystems.size(); ++i)
        if (const auto found = changes.find(std::string(manifest::log_subsystems[i])); found != changes.end())
            proxy::set_log_level(static_cast<proxy::LogOf>(i), found->second);
}

}  // namespace

std::variant<LevelChanges, Answer> read_level_changes(const Request& request) {
    const bool put = request.method == "PUT";
    const auto type = std::string_view(request.content_type).substr(0, request.content_type.find(';'));
    if (type != "application/json" && (put || type != "application/merge-patch+json"))
        return refuse(415, "UnsupportedMediaType",
                      put ? "the body must be application/json"
                          : "the body must be application/merge-patch+json or application/json");
    if (request.body.size() > longest_levels)
        return refuse(413, "RequestEntityTooLarge", "the body is too large: 4 KiB at most");
    boost::system::error_code error;
    const auto body = json::parse(request.body, error);
    if (error) return refuse(400, "BadRequest", "the body is no JSON: " + error.message());
    const auto* object = body.if_object();
    const auto* levels = object != nullptr ? object->if_contains("levels") : nullptr;
    if (levels == nullptr || !levels->is_object())
        return refuse(400, "BadRequest",
                      R"(the body must be as in {"levels": {"pods": "debug"}}; null: as the manifest says)");
    for (const auto& [key, value] : *object)
        if (key != "levels" && key != "setByHand" && key != "until")  // of what was read here and sent back
            return invalid(fmt::format("{} is no field of this; levels is", in_quotes(key)));
    return read_levels(levels->get_object(), put);
}

std::optional<Answer> log_levels(const Request& request) {
    if (path_of(request.target) != logging_path) return std::nullopt;
    if (request.method == "PUT" || request.method == "PATCH") {
        const auto read = read_level_changes(request);
        if (const auto* wrong = std::get_if<Answer>(&read)) return *wrong;
        carry_out(std::get<LevelChanges>(read));
    } else if (request.method != "GET" && request.method != "HEAD") {
        auto no = refuse(405, "MethodNotAllowed", "the levels of the log can be read, PUT and PATCHed");
        no.fields.emplace_back("Allow", "GET, HEAD, PUT, PATCH");
        return no;
    }
    return Answer{200, "application/json", json::serialize(shown()) + "\n"};
}

}  // namespace admin
