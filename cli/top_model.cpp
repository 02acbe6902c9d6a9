#include "cli/top_model.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <functional>

namespace cli {
namespace {

namespace json = boost::json;

std::string text(const json::object& from, std::string_view key) {
    const auto* value = from.if_contains(key);
    return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

double number(const json::object& from, std::string_view key) {
    const auto* value = from.if_contains(key);
    if (value == nullptr || !value->is_number()) return 0;
    return value->to_number<double>();
}

GatewayTime moment(const json::object& from, std::string_view key) {
    return static_cast<GatewayTime>(std::clamp(number(from, key), 0.0, 1e15));
}

int whole(const json::object& from, std::string_view key) {
    return static_cast<int>(std::clamp(number(from, key), -1e9, 1e9));
}

bool yes(const json::object& from, std::string_view key) {
    const auto* value = from.if_contains(key);
    return value != nullptr && value->is_bool() && value->get_bool();
}

template <class Each>
void each(const json::object& from, std::string_view key, Each one) {
    const auto* value = from.if_contains(key);
    if (value == nullptr || !value->is_array()) return;
    for (const auto& item : value->get_array())
        if (const auto* object = item.if_object()) one(*object);
}

json::object parsed(std::string_view text) {
    boost::system::error_code error;
    auto value = json::parse({text.data(), text.size()}, error);
    if (error || !value.is_object()) return {};
    return std::move(value.get_object());
}

std::string lane(std::string_view service, std::string_view pod) {
    return std::string(service) + "/" + std::string(pod);
}

TopService service_of(const json::object& from) {
    TopService out;
    out.name = text(from, "name");
    out.revision = text(from, "revision");
    out.host = text(from, "host");
    out.reason = text(from, "reason");
    out.wanted = whole(from, "wanted");
    out.ready = whole(from, "ready");
    out.starting = whole(from, "starting");
    out.running = whole(from, "running");
    out.waiting = whole(from, "waiting");
    out.min_scale = whole(from, "minScale");
    out.max_scale = whole(from, "maxScale");
    out.crash_looping = yes(from, "crashLooping");
    each(from, "queue", [&](const json::object& one) {
        out.queue.push_back(
            {text(one, "client"), text(one, "bound"), number(one, "queue") + number(one, "cold")});
    });
    return out;
}

TopPod pod_of(const json::object& from) {
    TopPod out;
    out.service = text(from, "service");
    out.name = text(from, "name");
    out.state = text(from, "state");
    out.message = text(from, "message");
    out.sessions = whole(from, "sessions");
    out.restarts = whole(from, "restarts");
    out.since = moment(from, "created");
    return out;
}

// Who works on what is told with the service.
std::vector<TopWork> work_of(const json::object& frame, const TopPod& pod) {
    std::vector<TopWork> out;
    each(frame, "services", [&](const json::object& service) {
        if (text(service, "name") != pod.service) return;
        each(service, "work", [&](const json::object& one) {
            if (text(one, "pod") == pod.name)
                out.push_back({text(one, "id"), text(one, "client"), number(one, "seconds")});
        });
    });
    std::ranges::sort(out, std::greater<>{}, &TopWork::seconds);
    return out;
}

json::object as_json(const TopService& one) {
    return {{"name", one.name},          {"revision", one.revision},  {"host", one.host},
            {"wanted", one.wanted},      {"ready", one.ready},        {"starting", one.starting},
            {"running", one.running},    {"waiting", one.waiting},    {"oldestWait", one.oldest_wait()},
            {"minScale", one.min_scale}, {"maxScale", one.max_scale}, {"crashLooping", one.crash_looping},
            {"reason", one.reason}};
}

json::object as_json(const TopPod& one, GatewayTime now) {
    json::array work;
    for (const auto& request : one.work)
        work.push_back({{"id", request.id}, {"client", request.client}, {"seconds", request.seconds}});
    return {{"name", one.name},         {"service", one.service},
            {"state", one.state},       {"seconds", static_cast<double>(now - one.since) / 1000},
            {"sessions", one.sessions}, {"restarts", one.restarts},
            {"message", one.message},   {"work", std::move(work)}};
}

}  // namespace

double TopService::oldest_wait() const {
    double out = 0;
    for (const auto& one : queue) out = std::max(out, one.seconds);
    return out;
}

void TopModel::timeline(std::string_view text) {
    const auto whole = parsed(text);
    changes_.clear();
    state_.generations.clear();
    each(whole, "changes", [&](const json::object& one) { change(one); });
    each(whole, "generations", [&](const json::object& one) { generation(one); });
}

bool TopModel::frame(std::string_view text) {
    const auto whole = parsed(text);
    if (!whole.contains("services") || !whole.contains("pods")) return false;
    state_.time = moment(whole, "time");
    state_.version = cli::text(whole, "version");
    state_.serving = yes(whole, "serving");
    state_.draining = yes(whole, "draining");
    state_.connections = cli::whole(whole, "connections");
    state_.requests = cli::whole(whole, "requests");
    each(whole, "changes", [&](const json::object& one) { change(one); });
    each(whole, "generations", [&](const json::object& one) { generation(one); });
    state_.services.clear();
    each(whole, "services", [&](const json::object& one) { state_.services.push_back(service_of(one)); });
    state_.pods.clear();
    std::map<std::string, std::deque<TopPod::Change>, std::less<>> kept;
    each(whole, "pods", [&](const json::object& one) {
        auto pod = pod_of(one);
        pod.work = work_of(whole, pod);
        const auto key = lane(pod.service, pod.name);
        pod.changes = changes_[key];
        // The last change is told a moment after the state: then it has begun just now.
        if (!pod.changes.empty() && pod.changes.back().state == pod.state)
            pod.since = pod.changes.back().at;
        else if (!pod.changes.empty())
            pod.since = state_.time;
        kept[key] = pod.changes;
        state_.pods.push_back(std::move(pod));
    });
    changes_ = std::move(kept);
    std::ranges::stable_sort(state_.pods, {},
                             [](const TopPod& pod) { return std::pair(pod.service, pod.name); });
    return true;
}

void TopModel::change(const json::object& one) {
    auto& lane_of_it = changes_[lane(text(one, "service"), text(one, "pod"))];
    TopPod::Change made{moment(one, "at"), text(one, "state")};
    // The timeline and the first frame may both tell it.
    if (!lane_of_it.empty() && lane_of_it.back().at >= made.at) return;
    lane_of_it.push_back(std::move(made));
    if (lane_of_it.size() > most_changes) lane_of_it.pop_front();
}

void TopModel::generation(const json::object& one) {
    TopGeneration ended{text(one, "id"),  text(one, "client"),  text(one, "service"),
                        text(one, "pod"), whole(one, "status"), number(one, "total")};
    auto& all = state_.generations;
    if (std::ranges::find(all, ended.id, &TopGeneration::id) != all.end()) return;
    all.push_back(std::move(ended));
    if (all.size() > most_generations) all.pop_front();
}

bool is_meant(std::string_view wanted, std::string_view service) {
    if (wanted.empty() || wanted == service) return true;
    return wanted.find('/') == std::string_view::npos && service.ends_with(wanted) &&
           service.size() > wanted.size() && service[service.size() - wanted.size() - 1] == '/';
}

std::string top_as_json(const TopState& state, std::string_view service) {
    json::array services, pods;
    for (const auto& one : state.services)
        if (is_meant(service, one.name)) services.push_back(as_json(one));
    for (const auto& one : state.pods)
        if (is_meant(service, one.service)) pods.push_back(as_json(one, state.time));
    return json::serialize(json::object{{"time", state.time},
                                        {"version", state.version},
                                        {"serving", state.serving},
                                        {"draining", state.draining},
                                        {"connections", state.connections},
                                        {"requests", state.requests},
                                        {"services", std::move(services)},
                                        {"pods", std::move(pods)}});
}

}  // namespace cli
