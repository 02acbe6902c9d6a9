#include "admin/log_request.hpp"

#include <fmt/format.h>

#include <stdexcept>

#include "admin/objects.hpp"

namespace admin {
namespace {

const Resource& pods_resource() {
    for (const auto& resource : resources())
        if (resource.group.empty() && resource.plural == "pods") return resource;
    throw std::logic_error("there is no resource of pods");
}

Answer bad(std::string_view message) {
    return refuse(400, "BadRequest", message);
}

std::string log_file(const json::object& pod) {
    const auto* metadata = pod.if_contains("metadata");
    const auto* notes = metadata->as_object().if_contains("annotations");
    const auto* file = notes == nullptr ? nullptr : notes->as_object().if_contains("pilotlight.dev/log-file");
    return file == nullptr ? std::string() : std::string(file->as_string());
}

// RFC 3339 in UTC or with an offset, as kubectl sends it; a fraction of a second is left out.
WallTime moment(const std::string& text) {
    std::tm parts{};
    const char* rest = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
    if (rest != nullptr && *rest == '.') do
            ++rest;
        while (*rest >= '0' && *rest <= '9');
    std::tm offset{};
    const bool utc = rest != nullptr && std::string_view(rest) == "Z";
    const char* end = rest == nullptr || utc || (*rest != '+' && *rest != '-')
                          ? nullptr
                          : ::strptime(rest + 1, "%H:%M", &offset);
    if (!utc && (end == nullptr || *end != '\0'))
        throw std::invalid_argument(
            fmt::format("sinceTime is no RFC 3339 time: \"{}\"", text.substr(0, 100)));
    const auto seconds = (offset.tm_hour * 60 + offset.tm_min) * 60 * (*rest == '-' ? 1 : -1);
    return std::chrono::system_clock::from_time_t(::timegm(&parts) + (utc ? 0 : seconds));
}

}  // namespace

Answered pod_log(const std::string& name_space, const std::string& pod, const Parameters& parameters,
                 const Store& store, WallTime now) {
    const auto& resource = pods_resource();
    const auto found = store.find(resource, name_space, pod);
    if (!found) return absent(resource, pod);
    const auto container = parameter(parameters, "container");
    if (!container.empty() && container != container_name)
        return bad(fmt::format("container {} is not valid for pod {}: its one container is {}",
                               container.substr(0, 100), pod, container_name));
    if (flag(parameters, "previous"))
        return bad(
            fmt::format("previous terminated container \"{}\" in pod \"{}\" not found: a pod's log here "
                        "goes on when its process is started again, see it without --previous",
                        container_name, pod));
    if (flag(parameters, "timestamps"))
        return bad("the lines of a pod's log carry no times here: leave out --timestamps");
    LogWish out{name_space,
                pod,
                log_file(found->item.object),
                flag(parameters, "follow"),
                number(parameter(parameters, "tailLines"), "tailLines"),
                number(parameter(parameters, "limitBytes"), "limitBytes"),
                std::nullopt};
    if (const auto ago = number(parameter(parameters, "sinceSeconds"), "sinceSeconds"))
        out.since = now - std::chrono::seconds(std::min<std::uint64_t>(*ago, 10ull * 366 * 24 * 3600));
    if (const auto since = parameter(parameters, "sinceTime"); !since.empty())
        out.since = moment(std::string(since));
    if (out.file.empty()) {
        const auto& states = found->item.object.at("status").at("containerStatuses").as_array();
        const auto* waiting = states.at(0).at("state").as_object().if_contains("waiting");
        if (waiting != nullptr)
            return bad(fmt::format("container \"{}\" in pod \"{}\" is waiting to start: {}", container_name,
                                   pod, std::string_view(waiting->at("reason").as_string())));
        return bad(fmt::format("pod \"{}\" was not started by this gateway, so its log is not here", pod));
    }
    return out;
}

bool pod_is_there(const Store& store, const LogWish& wish) {
    return store.find(pods_resource(), wish.name_space, wish.pod) != nullptr;
}

}  // namespace admin
