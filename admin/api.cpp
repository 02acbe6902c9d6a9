#include "admin/api.hpp"

#include <fmt/format.h>

#include <boost/json/serialize.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <stdexcept>

#include "admin/discovery.hpp"
#include "admin/log_request.hpp"
#include "admin/metrics.hpp"
#include "admin/openapi.hpp"
#include "admin/openapi_v2.hpp"
#include "admin/parameters.hpp"

namespace admin {
namespace {

Answer text_answer(int status, std::string body) {
    return {status, "text/plain; charset=utf-8", std::move(body)};
}

// "application/json;as=Table;v=v1;g=meta.k8s.io,application/json": the first form that we have wins.
bool wants_table(std::string_view accept) {
    while (!accept.empty()) {
        const auto comma = accept.find(',');
        const auto form = accept.substr(0, comma);
        accept = comma == std::string_view::npos ? std::string_view() : accept.substr(comma + 1);
        if (form.find("application/json") == std::string_view::npos) continue;
        if (form.find("as=") == std::string_view::npos) return false;
        if (form.find("as=Table") != std::string_view::npos && form.find("v=v1;") != std::string_view::npos)
            return true;
        if (form.find("as=Table") != std::string_view::npos && form.ends_with("v=v1")) return true;
    }
    return false;
}

Answer readiness(const Snapshot& snapshot) {
    if (snapshot.ready) return text_answer(200, "ok\n");
    return text_answer(503, snapshot.draining ? "not ready: the gateway is shutting down\n"
                                              : "not ready: the gateway does not listen yet\n");
}

// "/api/v1/..." and "/apis/GROUP/VERSION/...": the segments after the version, by which a resource is named.
struct Place {
    std::string group, version;
    std::vector<std::string> rest;
};

std::optional<Place> place_of(const std::vector<std::string>& segments) {
    const std::size_t head = !segments.empty() && segments[0] == "api" ? 2 : 3;
    if (segments.size() <= head || (segments[0] != "api" && segments[0] != "apis")) return std::nullopt;
    Place out;
    out.group = head == 3 ? segments[1] : "";
    out.version = segments[head - 1];
    out.rest.assign(segments.begin() + static_cast<std::ptrdiff_t>(head), segments.end());
    return out;
}

// [namespaces NS] PLURAL [NAME]; empty: nothing of ours.
std::optional<Query> query_of(Place place) {
    Query out;
    auto& rest = place.rest;
    const auto named = [&](std::string_view plural, bool namespaced) {
        for (const auto& resource : resources())
            if (resource.group == place.group && resource.version == place.version &&
                resource.plural == plural && (resource.namespaced || !namespaced))
                out.resource = &resource;
    };
    if (rest.size() == 2 && rest[0] == "namespaces" && place.group.empty()) {
        named(rest[0], false);
        out.name = rest[1];
    } else if (rest.size() >= 3 && rest[0] == "namespaces") {
        out.name_space = rest[1];
        rest.erase(rest.begin(), rest.begin() + 2);
        if (rest.size() == 2) out.name = rest[1];
        if (rest.size() > 2) return std::nullopt;
        named(rest[0], true);
    } else if (rest.size() != 1) {
        return std::nullopt;
    } else {
        named(rest[0], false);
    }
    if (out.resource == nullptr) return std::nullopt;
    return out;
}

Answered objects(Query query, const Parameters& parameters, const Store& store, WallTime now) {
    if (!query.name.empty()) {
        const auto found = store.find(*query.resource, query.name_space, query.name);
        return found ? document(single(query, store, *found, now)) : absent(*query.resource, query.name);
    }
    query.labels = Selector::labels(parameter(parameters, "labelSelector"));
    query.fields = Selector::fields(parameter(parameters, "fieldSelector"));
    if (!flag(parameters, "watch")) {
        if (!take_page(query, parameter(parameters, "limit"), parameter(parameters, "continue"), store))
            return refuse(
                410, "Expired",
                "The provided continue parameter is too old: what it names is no longer kept; list again");
        return document(list(query, store, now));
    }
    auto version = number(parameter(parameters, "resourceVersion"), "resourceVersion");
    const bool initial = flag(parameters, "sendInitialEvents");
    if (initial && parameter(parameters, "resourceVersionMatch") != "NotOlderThan")
        return refuse(
            422, "Invalid",
            "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided: with "
            "sendInitialEvents it must be NotOlderThan");
    if (initial) version.reset();  // what there is now is not older than any version that was told
    query.marks_beginning = initial && flag(parameters, "allowWatchBookmarks");
    Following out{Watch(std::move(query), store, version), flag(parameters, "allowWatchBookmarks"),
                  std::nullopt};
    if (const auto limit = number(parameter(parameters, "timeoutSeconds"), "timeoutSeconds");
        limit && *limit > 0)
        out.limit = std::chrono::seconds(std::min<std::uint64_t>(*limit, 24 * 3600));
    return out;
}

Answered dispatch(const Request& request, const boost::urls::url_view& url, const Snapshot& snapshot,
                  const Store& store, WallTime now) {
    const std::string path(url.encoded_path());
    if (path == "/livez") return text_answer(200, "ok\n");
    if (path == "/readyz" || path == "/healthz") return readiness(snapshot);
    if (path == "/metrics")
        return Answer{200, "text/plain; version=0.0.4; charset=utf-8", render_metrics(snapshot)};
    if (const auto found = aggregated_discovery(path, request.accept))
        return Answer{200, std::string(aggregated_type), json::serialize(*found) + "\n"};
    if (const auto found = discovery(path)) return document(*found);
    if (path == "/openapi/v2") return Answer{200, std::string(openapi_v2_type), openapi_v2()};
    if (const auto found = openapi_v3(path)) return document(*found);

    std::vector<std::string> segments;
    for (const auto& segment : url.segments()) segments.push_back(segment);
    auto place = place_of(segments);
    if (!place) return text_answer(404, "404 page not found\n");
    Parameters parameters;
    for (const auto& parameter : url.params()) parameters.emplace(parameter.key, parameter.value);
    if (const auto& rest = place->rest;
        place->group.empty() && rest.size() == 5 && rest[2] == "pods" && rest[4] == "log")
        return pod_log(rest[1], rest[3], parameters, store, now);
    auto query = query_of(std::move(*place));
    if (!query) return refuse(404, "NotFound", "the server could not find the requested resource");
    query->table = wants_table(request.accept);
    return objects(std::move(*query), parameters, store, now);
}

}  // namespace

Answer document(const json::object& body, int status) {
    return {status, "application/json", json::serialize(body) + "\n"};
}

Answer refuse(int code, std::string_view reason, std::string_view message) {
    return document(failure(code, reason, message), code);
}

Answer absent(const Resource& resource, std::string_view name) {
    auto body = failure(404, "NotFound", fmt::format("{} \"{}\" not found", full_name(resource), name));
    json::object details;
    details["name"] = name;
    if (!resource.group.empty()) details["group"] = resource.group;
    details["kind"] = resource.plural;
    body["details"] = std::move(details);
    return document(body, 404);
}

Answered answer(const Request& request, const Snapshot& snapshot, const Store& store, WallTime now) {
    if (request.method != "GET" && request.method != "HEAD")
        return refuse(405, "MethodNotAllowed",
                      "the server does not allow this method on the requested resource");
    const auto url = boost::urls::parse_origin_form(request.target);
    if (url.has_error()) return refuse(400, "BadRequest", "the request's target is not a path");
    try {
        return dispatch(request, *url, snapshot, store, now);
    } catch (const std::invalid_argument& error) {
        return refuse(400, "BadRequest", error.what());
    }
}

}  // namespace admin
