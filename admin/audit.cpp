#include "admin/audit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <vector>

#include "admin/entry.hpp"
#include "proxy/traffic/text.hpp"

namespace admin {
namespace {

namespace json = boost::json;

constexpr std::size_t most_names = 8, longest_name = 100, longest_text = 300, longest_parsed = 4 << 20;
constexpr std::size_t deepest = 16;

std::optional<json::value> parsed(std::string_view text) {
    if (text.size() > longest_parsed) return std::nullopt;
    boost::system::error_code error;
    auto value = json::parse({text.data(), text.size()}, error);
    if (error) return std::nullopt;
    return value;
}

class Names {
public:
    void add(std::string name) {
        if (++count_ <= most_names) names_.push_back(name.substr(0, longest_name));
    }
    // The ends of its branches. What was applied last is said by the rest of it.
    void add_all(const json::value& value, const std::string& path, std::size_t depth) {
        const auto* object = value.if_object();
        if (object == nullptr || object->empty() || depth > deepest) return add(path);
        for (const auto& [key, inner] : *object) {
            const std::string_view name = key;
            if (path.empty() && (name == "apiVersion" || name == "kind" || name == "status")) continue;
            if (path == "metadata" && (name == "name" || name == "namespace" || name == "managedFields"))
                continue;
            if (name == "kubectl.kubernetes.io/last-applied-configuration") continue;
            add_all(inner, path.empty() ? std::string(name) : fmt::format("{}.{}", path, name), depth + 1);
        }
    }
    std::string text() const {
        auto out = fmt::format("{}", fmt::join(names_, ", "));
        if (count_ > most_names) out += fmt::format(" and {} more", count_ - most_names);
        return out;
    }

private:
    std::vector<std::string> names_;
    std::size_t count_ = 0;
};

// Kubernetes' verbs for objects, the method's name for anything else.
std::string verb_of(const Deed& deed, bool resource, bool named) {
    std::string method(deed.method.substr(0, 20));
    std::ranges::transform(method, method.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (!resource) return method;
    if (method == "post") return "create";
    if (method == "put") return "update";
    if (method == "patch" && deed.content_type.find("apply-patch") != std::string_view::npos) return "apply";
    if (method == "delete" && !named) return "deletecollection";
    return method;
}

// "/apis/GROUP/VERSION/namespaces/NS/PLURAL/NAME/SUBRESOURCE"
void add_place(json::object& line, const std::vector<std::string>& segments, std::string_view body) {
    const bool core = !segments.empty() && segments[0] == "api";
    std::size_t at = core ? 2 : 3;
    if (segments.size() <= at || (!core && segments[0] != "apis")) return;
    const auto group = core ? std::string() : segments[1];
    if (segments[at] == "namespaces" && segments.size() > at + 2) {
        line["namespace"] = segments[at + 1].substr(0, longest_name);
        at += 2;
    }
    line["resource"] = (segments[at] + (group.empty() ? "" : "." + group)).substr(0, longest_text);
    if (segments.size() > at + 1) line["name"] = segments[at + 1].substr(0, longest_name);
    if (segments.size() > at + 2) line["subresource"] = segments[at + 2].substr(0, longest_name);
    if (line.contains("name")) return;
    const auto value = parsed(body);  // created: its name is in it
    if (!value) return;
    boost::system::error_code none;
    if (const auto* name = value->find_pointer("/metadata/name", none); name != nullptr && name->is_string())
        line["name"] = std::string(name->get_string()).substr(0, longest_name);
}

}  // namespace

std::string what_changes(std::string_view content_type, std::string_view body) {
    const auto value = body.empty() ? std::nullopt : parsed(body);
    if (!value) return {};
    Names names;
    const auto* steps = value->if_array();
    if (steps == nullptr || content_type.find("json-patch") == std::string_view::npos) {
        names.add_all(*value, "", 0);
        return names.text();
    }
    for (const auto& step : *steps) {  // RFC 6902
        const auto* one = step.if_object();
        const auto* path = one != nullptr ? one->if_contains("path") : nullptr;
        if (path != nullptr && path->is_string()) names.add(std::string(path->get_string()));
    }
    return names.text();
}

std::string audit_line(const Deed& deed, WallTime now, std::uint64_t suppressed) {
    json::object line;
    line["time"] = rfc3339(now);
    line["audit"] = deed.status == 401 || deed.status == 403 ? "denied"
                    : deed.status >= 400                     ? "failed"
                                                             : "done";
    line["by"] = name_of(deed.who.by);
    if (!deed.who.name.empty()) line["user"] = deed.who.name;
    line["peer"] = deed.peer;
    if (!deed.agent.empty()) line["agent"] = deed.agent.substr(0, longest_name);
    const auto path = path_of(deed.target);
    std::vector<std::string> segments;
    if (const auto url = boost::urls::parse_origin_form(deed.target); url.has_value()) {
        for (const auto& segment : url->segments()) segments.push_back(segment);
        for (const auto& parameter : url->params())
            if (parameter.key == "dryRun") line["dryRun"] = true;
    }
    add_place(line, segments, deed.body);
    if (!line.contains("resource")) line["path"] = path.substr(0, longest_text);
    line["verb"] = verb_of(deed, line.contains("resource"), line.contains("name"));
    if (auto what = what_changes(deed.content_type, deed.body); !what.empty()) line["what"] = std::move(what);
    line["code"] = deed.status;
    if (deed.status >= 400)
        if (const auto status = parsed(deed.answer); status && status->is_object())
            if (const auto* reason = status->get_object().if_contains("reason"); reason != nullptr)
                line["reason"] = *reason;
    if (suppressed > 0) line["deniedBeforeWithoutALine"] = suppressed;
    return proxy::escape_controls(json::serialize(line));  // what serialize leaves: DEL, C1, and no UTF-8
}

bool Audit::room(Clock::time_point now) {
    using std::chrono::seconds;
    if (room_ == burst) filled_ = now;
    const auto more = std::chrono::duration_cast<seconds>(now - filled_);
    if (more.count() > 0) {
        room_ = static_cast<int>(std::min<std::int64_t>(burst, room_ + more.count()));
        filled_ += more;
    }
    if (room_ == 0) return false;
    --room_;
    return true;
}

void Audit::tell(const Deed& deed, Clock::time_point now, WallTime wall) {
    if (!sink_) return;
    const bool denied = deed.status == 401 || deed.status == 403 || deed.status == 421;
    if (denied && !room(now)) {
        ++suppressed_;
        return;
    }
    sink_(audit_line(deed, wall, std::exchange(suppressed_, 0)));
}

}  // namespace admin
