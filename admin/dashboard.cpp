#include "admin/dashboard.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <fstream>
#include <iterator>
#include <map>
#include <set>

#include "proxy/traffic/text.hpp"

namespace admin {
namespace {

using proxy::json_escape;

constexpr std::uintmax_t longest_file = 64 << 20;  // more than most_services need

// Everything comes from this address, nothing is inline, nobody frames it.
constexpr std::string_view page_policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

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

Answer document(std::string body) {
    return {200, "application/json", std::move(body)};
}

// Columns, so that a chart takes them as they are.
void columns(Json& json, const Ring& ring) {
    const auto column = [&](std::string_view name, const auto& value) {
        json.open(name, '[');
        for (std::size_t i = 0; i < ring.size(); ++i) value(ring[i]);
        json.close(']');
    };
    column("time", [&](const Sample& s) { json.item("{}", s.time); });
    constexpr std::array<std::string_view, 5> classes{"ok", "redirected", "clientError", "serverError",
                                                      "left"};
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
    std::array<std::uint64_t, 5> responses{};
    std::array<double, 4> gpu_seconds{};
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
        one.wanted += view.wanted;
        one.ready += view.ready;
        one.starting += view.starting;
        for (std::size_t i = 0; i < 4; ++i) one.gpu_seconds[i] += view.gpu_seconds[i];
        if (!view.metrics || !one.metrics.insert(view.metrics.get()).second) continue;
        for (std::size_t i = 0; i < 4; ++i)
            one.responses[i] += view.metrics->responses[i + 2].load(std::memory_order_relaxed);
        one.responses[4] += view.metrics->responses[0].load(std::memory_order_relaxed);
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

Dashboard::Dashboard(const proxy::Generations* generations, std::filesystem::path file)
    : generations_(generations), file_(std::move(file)) {}

Dashboard::~Dashboard() {
    if (saver_.joinable()) saver_.join();
}

void Dashboard::take(const Snapshot& snapshot, WallTime now) {
    lanes_.take(snapshot, now);
    if (!history_.take(snapshot, now)) return;
    ++frame_number_;
    frame_time_ = now;
    frame_ = nullptr;
    told_ = tells_;
    tells_.generation = generations_ != nullptr ? generations_->last() : 0;
    tells_.event = snapshot.events.empty() ? 0 : snapshot.events.back().number;
    tells_.lanes = now;
    const auto minute = static_cast<std::uint32_t>(milliseconds(now) / 60'000);
    if (saved_minute_ != 0 && minute != saved_minute_) save();
    saved_minute_ = minute;
}

std::shared_ptr<const std::string> Dashboard::frame(const Snapshot& snapshot) {
    if (!frame_) frame_ = std::make_shared<const std::string>("data: " + render(snapshot) + "\n\n");
    return frame_;
}

std::string Dashboard::render(const Snapshot& snapshot) const {
    Json json;
    json.open("", '{').item("\"frame\":{},\"time\":{}", frame_number_, milliseconds(frame_time_));
    json.item("\"serving\":{},\"draining\":{},\"connections\":{},\"requests\":{},\"errands\":{}",
              snapshot.ready, snapshot.draining, snapshot.connections, snapshot.requests, snapshot.errands);
    json.text("version", PILOTLIGHT_VERSION).open("services", '[');
    for (const auto& [name, one] : together(snapshot)) service(json, name, one, history_.find(name));
    json.close(']').open("pods", '[');
    for (const auto& one : snapshot.pods) pod(json, one);
    json.close(']').open("changes", '[');
    for (const auto& lane : lanes_.all())
        for (const auto& one : lane.changes)
            if (one.at > told_.lanes && one.at <= tells_.lanes) change(json, lane, one);
    json.close(']').open("generations", '[');
    if (generations_ != nullptr)
        for (const auto& one : generations_->since(told_.generation))
            if (one.number <= tells_.generation) generation(json, one);
    json.close(']').open("events", '[');
    for (const auto& one : snapshot.events) {
        if (one.number <= told_.event || one.number > tells_.event) continue;
        event(json, one);
    }
    return json.close(']').close('}').take();
}

// --- questions

std::optional<std::variant<Answer, FrameStream>> Dashboard::answer(const Request& request,
                                                                   const Snapshot& snapshot) const {
    if (request.method != "GET" && request.method != "HEAD") return std::nullopt;
    const auto url = boost::urls::parse_origin_form(request.target);
    if (url.has_error()) return std::nullopt;
    const std::string path(url->encoded_path());
    for (const auto& asset : assets()) {
        if (asset.path != path) continue;
        Answer out{200, std::string(asset.content_type), std::string(asset.content)};
        out.policy = page_policy;
        return out;
    }
    if (path == "/dashboard/stream") return FrameStream{};
    if (path == "/dashboard/timeline") return timeline(snapshot);
    if (path != "/dashboard/history") return std::nullopt;
    std::map<std::string, std::string, std::less<>> asked;
    for (const auto& one : url->params()) asked.emplace(one.key, one.value);
    return history_of(asked["service"], asked["span"] == "day");
}

Answer Dashboard::history_of(std::string_view service, bool day) const {
    const auto* series = history_.find(service);
    if (series == nullptr)
        return refuse(404, "NotFound", "no history of such a service; service=NAMESPACE/NAME");
    Json json;
    json.open("", '{').text("service", service).item("\"step\":{}", day ? 60 : 1);
    columns(json, day ? series->day() : series->hour());
    return document(json.close('}').take());
}

Answer Dashboard::timeline(const Snapshot& snapshot) const {
    Json json;
    json.open("", '{').open("changes", '[');
    for (const auto& lane : lanes_.all())
        for (const auto& one : lane.changes) change(json, lane, one);
    json.close(']').open("generations", '[');
    if (generations_ != nullptr)
        for (const auto& one : generations_->since(0)) generation(json, one);
    json.close(']').open("events", '[');
    constexpr std::size_t most = 100;
    const auto& events = snapshot.events;
    for (auto i = events.size() - std::min(most, events.size()); i < events.size(); ++i)
        event(json, events[i]);
    return document(json.close(']').close('}').take());
}

// --- over a restart

void Dashboard::load(WallTime now) {
    if (file_.empty()) return;
    std::error_code error;
    const auto size = std::filesystem::file_size(file_, error);
    if (error) return;  // the first start
    std::string text;
    if (size <= longest_file) {
        std::ifstream in(file_, std::ios::binary);
        text.assign(std::istreambuf_iterator<char>(in), {});
    }
    if (!history_.restore(text, now))
        spdlog::warn("the dashboard's history in {} is not whole or of another version: it begins anew",
                     file_.string());
}

// Written beside and moved into place, so that half a history is never read. Losing a minute of it costs
// nothing but the minute: it is not forced to the disk.
void Dashboard::save() {
    if (file_.empty()) return;
    if (saver_.joinable()) saver_.join();  // long over: a minute has passed
    saver_ = std::thread([file = file_, text = history_.text()] {
        auto draft = file;
        draft += "~";
        std::error_code error;
        {
            std::ofstream out(draft, std::ios::binary | std::ios::trunc);
            out << text;
            if (!out.flush()) {
                spdlog::warn("the dashboard's history cannot be kept in {}", file.string());
                std::filesystem::remove(draft, error);
                return;
            }
        }
        std::filesystem::rename(draft, file, error);
        if (error) spdlog::warn("{} cannot be written: {}", file.string(), error.message());
    });
}

}  // namespace admin
