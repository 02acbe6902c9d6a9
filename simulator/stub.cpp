// /stub/: what the pod has seen and done, and the switchboard of its faults.
#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <cstdio>

#include "simulator/pod.hpp"

namespace simulator {
namespace {

namespace json = boost::json;

json::object counts(const std::map<std::string, std::uint64_t, std::less<>>& map) {
    json::object out;
    for (const auto& [name, count] : map) out[name] = count;
    return out;
}

// Written by hand: Boost.JSON prints a double such as 1.7e12 with an exponent, and these are read by people
// too.
std::string milliseconds(double value) {
    char text[40];
    return {text, static_cast<std::size_t>(std::snprintf(text, sizeof text, "%.3f", value))};
}

void append_run(std::string& out, const Pod& pod, const Run& run) {
    out += "{\"task\":" + json::serialize(json::string(run.task));
    out += ",\"arrive\":" + milliseconds(pod.epoch_ms(run.arrive));
    out += ",\"start\":" + milliseconds(pod.epoch_ms(run.start));
    out += ",\"end\":" + milliseconds(pod.epoch_ms(run.end));
    out += run.interrupted ? ",\"interrupted\":true" : ",\"interrupted\":false";
    out += run.client_gone ? ",\"client_gone\":true}" : ",\"client_gone\":false}";
}

std::size_t newest(std::string_view query, std::size_t all) {
    constexpr std::string_view key = "runs=";
    if (!query.starts_with(key)) return all;
    std::size_t wanted = all;
    std::from_chars(query.data() + key.size(), query.data() + query.size(), wanted);
    return std::min(wanted, all);
}

Reply get_stats(Pod& pod, const Call& call) {
    const Stats& stats = pod.stats;
    const json::object numbers{{"id", pod.options.id},
                               {"gpu", pod.gpu.running()},
                               {"gpuMax", stats.gpu_max},
                               {"waiting", pod.gpu.waiting()},
                               {"waitMax", stats.wait_max},
                               {"lightWaitMax", stats.light_wait_max},
                               {"http", pod.in_flight},
                               {"httpMax", stats.http_max},
                               {"requests", stats.requests},
                               {"served", stats.served},
                               {"aborted", stats.aborted},
                               {"interrupts", stats.interrupts},
                               {"images", stats.images},
                               {"conns", pod.connections},
                               {"connsTotal", stats.connections},
                               {"ws", pod.websockets},
                               {"wsMax", stats.ws_max},
                               {"sse", pod.event_streams},
                               {"sseMax", stats.sse_max},
                               {"byPath", counts(stats.by_path)},
                               {"byClass", counts(stats.by_class)},
                               {"cookies_seen", counts(stats.cookies_seen)}};
    std::string out = json::serialize(numbers);
    out.pop_back();
    out += ",\"last_activity\":" + milliseconds(stats.last_activity_ms);
    out += ",\"now\":" + milliseconds(pod.epoch_ms(call.now)) + ",\"runs\":[";
    const auto& runs = pod.runs.runs();
    const std::size_t first = runs.size() - newest(call.query, runs.size());
    for (std::size_t i = first; i < runs.size(); ++i) {
        if (i > first) out += ',';
        append_run(out, pod, runs[i]);
    }
    return Reply::json(out + "]}");
}

Reply post_reset(Pod& pod, const Call&) {
    pod.reset_stats();
    return Reply::json("{}");
}

Reply get_metrics(Pod& pod, const Call&) {
    std::string out;
    const auto metric = [&](std::string_view name, std::string_view type, std::string_view help,
                            double value) {
        char number[40];
        std::snprintf(number, sizeof number, "%.15g", value);
        const std::string full = "sd_simulator_" + std::string(name);
        out += "# HELP " + full + " " + std::string(help) + "\n# TYPE " + full + " " + std::string(type) +
               "\n" + full + " " + number + "\n";
    };
    const auto number = [](auto value) { return static_cast<double>(value); };
    const Stats& stats = pod.stats;
    metric("gpu_jobs", "gauge", "Generations that hold the GPU.", number(pod.gpu.running()));
    metric("gpu_jobs_max", "gauge", "The most at once since the last reset.", number(stats.gpu_max));
    metric("waiting_jobs", "gauge", "Generations that wait for the lock.", number(pod.gpu.waiting()));
    metric("waiting_jobs_max", "gauge", "The most at once since the last reset.", number(stats.wait_max));
    metric("connections", "gauge", "Open connections.", number(pod.connections));
    metric("websockets", "gauge", "Open WebSockets.", number(pod.websockets));
    metric("event_streams", "gauge", "Open event streams.", number(pod.event_streams));
    metric("requests_in_flight", "gauge", "Requests that are not answered yet.", number(pod.in_flight));
    metric("requests_total", "counter", "Requests, those to /stub apart.", number(stats.requests));
    metric("served_total", "counter", "Requests answered to the last byte.", number(stats.served));
    metric("aborted_total", "counter", "Requests whose client left.", number(stats.aborted));
    metric("images_total", "counter", "Images made.", number(stats.images));
    metric("gpu_busy_seconds_total", "counter", "Time in which generations held the GPU.",
           stats.busy_ms / 1000);
    Reply reply;
    reply.type = "text/plain; version=0.0.4; charset=utf-8";
    reply.body = std::move(out);
    return reply;
}

json::object describe(const Faults::Armed& armed) {
    const Fault& fault = armed.fault;
    return {{"fault", to_string(fault.kind)},
            {"probability", fault.probability},
            {"nth", fault.nth},
            {"times", fault.times},
            {"at", fault.at},
            {"seconds", fault.seconds},
            {"rate", fault.rate},
            {"images", fault.images},
            {"path", fault.path},
            {"seen", armed.seen},
            {"struck", armed.struck}};
}

Reply get_faults(Pod& pod, const Call&) {
    json::array list;
    for (const Faults::Armed& armed : pod.faults.armed()) list.push_back(describe(armed));
    return Reply::json(json::serialize(json::object{{"faults", list}}));
}

Reply post_fault(Pod& pod, const Call& call) {
    const auto wrong = [](std::string_view why) {
        return Reply::detail(http::status::unprocessable_entity, why);
    };
    json::error_code error;
    const json::value body = json::parse(json::string_view(call.body.data(), call.body.size()), error);
    const json::object* object = error ? nullptr : body.if_object();
    if (!object || !object->if_contains("fault") || !object->at("fault").is_string())
        return wrong(R"(give a JSON object such as {"fault": "crash", "nth": 3}, or {"fault": "none"})");
    const std::string name(object->at("fault").get_string());
    if (name == "none") {
        pod.faults.clear();
        pod.refuse(Duration::zero());
        return get_faults(pod, call);
    }
    std::vector<std::pair<std::string, std::string>> settings;
    for (const auto& [key, value] : *object) {
        if (key == "fault") continue;
        settings.emplace_back(key,
                              value.is_string() ? std::string(value.get_string()) : json::serialize(value));
    }
    const auto fault = make_fault(name, settings);
    if (const auto* message = std::get_if<std::string>(&fault)) return wrong(*message);
    const Fault& made = std::get<Fault>(fault);
    if (made.kind == FaultKind::refuse)
        pod.refuse(pod.options.scaled(made.seconds));
    else if (made.probability <= 0)
        pod.faults.clear(made.kind);
    else
        pod.faults.set(made);
    return get_faults(pod, call);
}

constexpr auto any_time = Mounted::from_the_start;
constexpr Route routes_of_stub[] = {
    {http::verb::get, "/stub/stats", '-', any_time, false, &get_stats},
    {http::verb::post, "/stub/reset", '-', any_time, false, &post_reset},
    {http::verb::get, "/stub/metrics", '-', any_time, false, &get_metrics},
    {http::verb::get, "/stub/fault", '-', any_time, false, &get_faults},
    {http::verb::post, "/stub/fault", '-', any_time, false, &post_fault},
};

}  // namespace

std::span<const Route> stub_routes() {
    return routes_of_stub;
}

}  // namespace simulator
