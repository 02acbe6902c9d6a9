#include "admin/write_request.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <stdexcept>

#include "admin/node_json.hpp"
#include "admin/patch.hpp"

namespace admin {
namespace {

constexpr std::size_t longest_manager =
    128;  // k8s.io/apimachinery pkg/apis/meta/v1/validation FieldManagerMaxLength

Answer unknown_place() {
    return refuse(404, "NotFound", "the server could not find the requested resource");
}

Answer not_allowed() {
    return refuse(405, "MethodNotAllowed", "the server does not allow this method on the requested resource");
}

bool writable(const Resource& resource) {
    return resource.kind == "DomainMapping" ||
           (resource.kind == "Service" && resource.group == "serving.knative.dev");
}

const Resource* resource_at(std::string_view group, std::string_view version, std::string_view plural) {
    for (const auto& resource : resources())
        if (resource.group == group && resource.version == version && resource.plural == plural)
            return &resource;
    return nullptr;
}

// apis GROUP VERSION namespaces NS PLURAL [NAME [SUBRESOURCE]]; api VERSION likewise.
bool take_place(const std::vector<std::string>& path, Write& out) {
    const bool core = !path.empty() && path[0] == "api";
    const std::size_t head = core ? 2 : 3;
    if (path.size() < head + 3 || path.size() > head + 5 || path[head] != "namespaces") return false;
    if (!core && path[0] != "apis") return false;
    out.resource = resource_at(core ? "" : path[1], path[head - 1], path[head + 2]);
    out.name_space = path[head + 1];
    if (path.size() > head + 3) out.name = path[head + 3];
    if (path.size() > head + 4) out.subresource = path[head + 4];
    return out.resource != nullptr && !out.name_space.empty();
}

bool allowed(const Write& write) {
    if (!writable(*write.resource)) return false;
    const auto& method = write.method;
    if (write.subresource == "scale")
        return write.resource->kind == "Service" && (method == "GET" || method == "PUT" || method == "PATCH");
    if (!write.subresource.empty()) return false;
    return write.name.empty() ? method == "POST" || method == "DELETE"
                              : method == "PUT" || method == "PATCH" || method == "DELETE";
}

bool truth(const std::string& value) {
    return value == "true" || value == "1";
}

std::optional<Answer> take_parameter(const std::string& name, const std::string& value, Write& out) {
    if (name == "dryRun") {
        if (value != "All")
            return refuse(
                400, "BadRequest",
                fmt::format("dryRun: \"{}\" is not known here; there is All", value.substr(0, 100)));
        out.dry_run = true;
    } else if (name == "fieldManager") {
        if (value.size() > longest_manager)
            return refuse(400, "BadRequest", "fieldManager: must have at most 128 characters");
        out.manager = value;
    } else if (name == "labelSelector") {
        out.labels = Selector::labels(value);
    } else if (name == "fieldSelector") {
        out.fields = Selector::fields(value);
    } else if (name == "force") {
        out.force = truth(value);
    } else if (name == "fieldValidation") {
        if (value == "Strict")
            out.validation = Validation::strict;
        else if (value == "Ignore")
            out.validation = Validation::ignore;
        else if (value != "Warn" && !value.empty())
            return refuse(
                400, "BadRequest",
                fmt::format("fieldValidation: \"{}\" is not known here; there are Ignore, Warn and Strict",
                            value.substr(0, 100)));
    }
    return std::nullopt;
}

// Without its parameters, in small letters.
std::string media_type(std::string_view content_type) {
    std::string out(content_type.substr(0, content_type.find(';')));
    std::erase_if(out, [](char c) { return c == ' ' || c == '\t'; });
    std::ranges::transform(out, out.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return out;
}

}  // namespace

std::variant<Write, Answer> read_write(const Request& request) {
    const auto url = boost::urls::parse_origin_form(request.target);
    if (url.has_error()) return refuse(400, "BadRequest", "the request's target is not a path");
    std::vector<std::string> path;
    for (const auto& segment : url->segments()) path.push_back(segment);
    Write out;
    out.method = request.method;
    out.content_type = media_type(request.content_type);
    out.body = request.body;
    if (!take_place(path, out)) {
        if (path.empty() || (path[0] != "api" && path[0] != "apis")) return not_allowed();
        return out.resource == nullptr ? unknown_place() : not_allowed();
    }
    if (!allowed(out)) return not_allowed();
    try {
        for (const auto& parameter : url->params())
            if (auto wrong = take_parameter(parameter.key, parameter.value, out)) return std::move(*wrong);
    } catch (const std::invalid_argument& wrong) {
        return refuse(400, "BadRequest", wrong.what());
    }
    if (out.content_type == "application/apply-patch+yaml" && out.manager.empty() && out.method == "PATCH")
        return refuse(422, "Invalid", "fieldManager: is required for apply patch");
    if (out.force && out.content_type != "application/apply-patch+yaml")
        return refuse(422, "Invalid", "force: may be given for apply patches only");
    if (out.manager.empty()) out.manager = "unknown";
    return out;
}

Answer refuse_object(int code, std::string_view reason, const Write& write, std::string_view message) {
    auto status = failure(code, reason, message);
    json::object details;
    details["name"] = write.name;
    details["group"] = write.resource->group;
    details["kind"] = write.resource->plural;
    status["details"] = std::move(details);
    return {code, "application/json", json::serialize(status) + "\n"};
}

std::variant<json::value, Answer> read_body(const Write& write) {
    if (write.body.empty()) return refuse(400, "BadRequest", "the request needs a body");
    std::string wrong;
    auto value = read_document(write.body, wrong);
    if (!value) return refuse(400, "BadRequest", wrong);
    return std::move(*value);
}

bool patched(const Write& write, json::value& object, const json::value& patch) {
    if (write.content_type == "application/merge-patch+json") {
        if (!patch.is_object()) throw BadPatch("a merge patch of an object is an object");
        merge_patch(object, patch);
    } else if (write.content_type == "application/json-patch+json") {
        json_patch(object, patch);
    } else {
        return false;
    }
    if (!object.is_object()) throw BadPatch("the patch leaves no object");
    return true;
}

Answer unknown_patch(const Write& write) {
    return refuse_object(
        415, "UnsupportedMediaType", write,
        "the body of the request was in an unknown format - accepted media types include: "
        "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml");
}

}  // namespace admin
