#include "admin/dashboard_text.hpp"

#include <fmt/format.h>

#include <iterator>
#include <map>
#include <set>

#include "proxy/traffic/text.hpp"

namespace admin {
namespace {

using proxy::json_escape;

std::int64_t milliseconds(WallTime at) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(at.time_since_epoch()).count();
}

// JSON, written as it comes: a comma before every item but the first.
class Json {
public:
    template <class... Parts>
    Json& item(fmt::format_string<Parts...> format, Parts&&... parts) {
        comma();
        fmt::format_to(to_, format, std::forward<Parts>(parts)...);
        return *this;
    }
    Json& open(std::string_view key, char bracket) {
        comma();
        if (!key.empty()) fmt::format_to(to_, "\"{}\":", key);
        out_ += bracket;
        first_ = true;
        return *this;
    }
    Json& close(char bracket) {
        out_ += bracket;
        first_ = false;
        return *this;
    }
    Json& text(std::string_view key, std::string_view value) {
        return item("\"{}\":\"{}\"", key, json_escape(value));
    }
    template <class Values>
    Json& numbers(std::string_view key, const Values& values) {
        open(key, '[');
        for (const auto& value : values) item("{:.6g}", static_cast<double>(value));
        return close(']');
    }
    std::string take() { return std::move(out_); }

private:
    void comma() {
        if (!first_) out_ += ',';
        first_ = false;
    }
    std::string out_;
    std::back_insert_iterator<std::string> to_{out_};
    bool first_ = true;
};

// Columns, so that a chart takes them as they are.
void columns(Json& json, const Ring& ring) {
    const auto column = [&](std::string_view name, const auto& value) {
        json.open(name, '[');
        for (std::size_t i = 0; i < ring.size(); ++i) value(ring[i]);
        json.close(']');
    };
    column("time", [&](const Sample& s) { json.item("{}", s.time); });
    constexpr std::array<std::string_view, 6> classes{"ok",          "redirected", "clientError",
                                                      "serverError", "left",       "waitingPage"};
    for (std::size_t i = 0; i < classes.size(); ++i)
        column(classes[i], [&](const Sample& s) { json.item("{}", s.responses[i]); });
    column("generations", [&](const Sample& s) { json.item("{}", s.generations); });
    constexpr std::array<std::string_view, 4> quantiles{"p50", "p90", "p95", "p99"};
    for (std::size_t i = 0; i < quantiles.size(); ++i)
        column(quantiles[i], [&](const Sample& s) {
            if (s.response_time[i] < 0)
                json.item("null");
            else
                json.item("{:.4g}", s.response_time[i]);
        });
    constexpr std::array<std::string_view, 6> gauges{"wanted",   "ready",   "busy",
                                                     "starting", "waiting", "sessions"};
    for (std::size_t i = 0; i < gauges.size(); ++i)
        column(gauges[i], [&](const Sample& s) { json.item("{}", s.gauges[i]); });
    column("longestWait", [&](const Sample& s) { json.item("{:.4g}", s.longest_wait); });
    constexpr std::array<std::string_view, 4> states{"gpuStarting", "gpuIdle", "gpuBusy", "gpuDraining"};
    for (std::size_t i = 0; i < states.size(); ++i)
        column(states[i], [&](const Sample& s) { json.item("{:.4g}", s.gpu_seconds[i]); });
}

void generation(Json& json, const proxy::Generation& one) {
    json.open("", '{').item("\"n\":{}", one.number).text("id", one.request_id.view());
    json.text("client", one.client.view()).text("service", one.service.view()).text("pod", one.pod.view());
    json.text("reason", one.reason.view()).text("class", {&one.request_class, 1});
    json.item("\"status\":{},\"ended\":{}", one.status, milliseconds(one.ended));
    json.item("\"queue\":{:.4f},\"cold\":{:.4f},\"work\":{:.4f},\"total\":{:.4f}", one.queue, one.cold,
              one.pod_time, one.total);
    json.close('}');
}

void change(Json& json, const Lane& lane, const Lane::Change& one) {
    json.open("", '{').text("service", lane.service).text("pod", lane.pod);
    json.item("\"at\":{},\"state\":\"{}\"", milliseconds(one.at), to_string(one.state)).close('}');
}

// The revisions of one service, as one.
struct Together {
    const proxy::RevisionView* current = nullptr;  // the one that takes the traffic
    std::set<const proxy::ServiceMetrics*> metrics;
    std::array<std::uint64_t, 6> responses{};
    std::array<double, 4> gpu_seconds{};
    std::vector<const proxy::WorkView*> work;
    std::size_t waiting = 0, running = 0;
    int wanted = 0, ready = 0, starting = 0;
};

std::map<std::string, Together> together(const Snapshot& snapshot) {
    std::map<std::string, Together> out;
    for (const auto& view : snapshot.revisions) {
        auto& one = out[view.name_space + "/" + view.service];
        if (one.current == nullptr || !view.retiring) one.current = &view;
        one.waiting += view.waiting;
        one.running += view.running;
        for (const auto& work : view.work) one.work.push_back(&work);
        one.wanted += view.wanted;
        one.ready += view.ready;
        one.starting += view.starting;
        for (std::size_t i = 0; i < 4; ++i) one.gpu_seconds[i] += view.gpu_seconds[i];
        if (!view.metrics || !one.metrics.insert(view.metrics.get()).second) continue;
        const auto answers = answers_of(*view.metrics);
        for (std::size_t i = 0; i < answers.size(); ++i) one.responses[i] += answers[i];
    }
    return out;
}

void why(Json& json, const proxy::RevisionView& view) {
    json.text("reason", view.reason);
    if (view.keep_seconds) json.item("\"keep\":{:.1f}", *view.keep_seconds);
    if (!view.last_step) return;
    const auto& step = *view.last_step;
    json.open("step", '{').item("\"from\":{},\"to\":{},\"at\":{}", step.from, step.to, milliseconds(step.at));
    json.text("kind", step.cause).text("sentence", step.sentence).close('}');
}

void queue(Json& json, const proxy::RevisionView& view) {
    json.open("queue", '[');
    for (const auto& one : view.queue)
        json.open("", '{')
            .text("client", one.client)
            .text("bound", one.bound)
            .item("\"queue\":{:.1f},\"cold\":{:.1f}", one.queue, one.cold)
            .close('}');
    json.close(']').open("coldStarts", '[');
    for (const auto& one : view.cold_starts)
        json.open("", '{')
            .text("pod", one.pod)
            .item("\"ready\":{}", milliseconds(one.ready))
            .numbers("seconds", one.seconds)
            .close('}');
    json.close(']');
}

void service(Json& json, const std::string& name, const Together& one, const Series* series) {
    const auto& view = *one.current;
    json.open("", '{').text("name", name).text("revision", view.revision).text("image", view.image);
    json.text("host", view.hosts.empty() ? "" : view.hosts.front());
    json.item("\"wanted\":{},\"ready\":{},\"starting\":{},\"waiting\":{},\"running\":{}", one.wanted,
              one.ready, one.starting, one.waiting, one.running);
    json.item("\"minScale\":{},\"maxScale\":{},\"slots\":{},\"crashLooping\":{}", view.min_scale,
              view.max_scale, view.container_concurrency, view.crash_looping);
    json.numbers("responses", one.responses).numbers("gpuSeconds", one.gpu_seconds);
    why(json, view);
    queue(json, view);
    json.open("work", '[');
    for (const auto* each : one.work)
        json.open("", '{')
            .text("pod", each->pod)
            .text("id", each->request)
            .text("client", each->client)
            .item("\"seconds\":{:.1f}", each->seconds)
            .close('}');
    json.close(']');
    if (series != nullptr && series->hour().size() > 0) {
        Ring last(1);
        last.push(series->hour().back());
        json.open("sample", '{');
        columns(json, last);
        json.close('}');
    }
    json.close('}');
}

void pod(Json& json, const proxy::PodView& one) {
    json.open("", '{').text("service", one.name_space + "/" + one.service).text("name", one.name);
    json.text("state", to_string(state_of(one)))
        .text("phase", to_string(one.phase))
        .text("message", one.message);
    json.item("\"leases\":{},\"sessions\":{},\"restarts\":{},\"gpus\":{},\"created\":{}", one.leases,
              one.sessions, one.restarts, one.gpus.size(), milliseconds(one.created));
    json.close('}');
}

void event(Json& json, const proxy::EventView& one) {
    json.open("", '{').item("\"n\":{},\"at\":{},\"warning\":{}", one.number, milliseconds(one.time),
                            one.warning);
    json.text("kind", one.kind)
        .text("name", one.name)
        .text("reason", one.reason)
        .text("message", one.message);
    json.close('}');
}

}  // namespace

std::string frame_text(const Scene& now, std::uint64_t number, WallTime at, const Told& before,
                       const Told& with, const std::vector<proxy::Generation>& generations) {
    Json json;
    json.open("", '{').item("\"frame\":{},\"time\":{}", number, milliseconds(at));
    json.item("\"serving\":{},\"draining\":{},\"connections\":{},\"requests\":{},\"errands\":{}",
              now.snapshot.ready, now.snapshot.draining, now.snapshot.connections, now.snapshot.requests,
              now.snapshot.errands);
    json.text("version", PILOTLIGHT_VERSION).open("services", '[');
    for (const auto& [name, one] : together(now.snapshot)) service(json, name, one, now.history.find(name));
    json.close(']').open("pods", '[');
    for (const auto& one : now.snapshot.pods) pod(json, one);
    json.close(']').open("changes", '[');
    for (const auto& lane : now.lanes.all())
        for (const auto& one : lane.changes)
            if (one.at > before.lanes && one.at <= with.lanes) change(json, lane, one);
    json.close(']').open("generations", '[');
    for (const auto& one : generations)
        if (one.number > before.generation && one.number <= with.generation) generation(json, one);
    json.close(']').open("events", '[');
    for (const auto& one : now.snapshot.events) {
        if (one.number <= before.event || one.number > with.event) continue;
        event(json, one);
    }
    return json.close(']').close('}').take();
}

std::string timeline_text(const Scene& now, const std::vector<proxy::Generation>& generations) {
    Json json;
    json.open("", '{').open("changes", '[');
    for (const auto& lane : now.lanes.all())
        for (const auto& one : lane.changes) change(json, lane, one);
    json.close(']').open("generations", '[');
    for (const auto& one : generations) generation(json, one);
    json.close(']').open("events", '[');
    constexpr std::size_t most = 100;
    const auto& events = now.snapshot.events;
    for (auto i = events.size() - std::min(most, events.size()); i < events.size(); ++i)
        event(json, events[i]);
    return json.close(']').close('}').take();
}

std::string history_text(std::string_view service, const Series& series, bool day) {
    Json json;
    json.open("", '{').text("service", service).item("\"step\":{}", day ? 60 : 1);
    columns(json, day ? series.day() : series.hour());
    return json.close('}').take();
}

}  // namespace admin
