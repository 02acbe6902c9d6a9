#include "proxy/waiting/status.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "proxy/traffic/forward.hpp"
#include "proxy/traffic/refusal.hpp"
#include "proxy/traffic/text.hpp"
#include "proxy/waiting/answer.hpp"
#include "proxy/waiting/sentence.hpp"

namespace proxy {
namespace {

using namespace std::chrono_literals;

constexpr auto shortest_pause = 500ms;
constexpr auto heartbeat = 15s;
constexpr auto longest_life = 1h;

std::string seconds_or_null(const std::optional<pods::Duration>& duration) {
    return duration ? fmt::to_string(whole_seconds(*duration).count()) : "null";
}

std::string_view to_string(router::Place::State state) {
    switch (state) {
        case router::Place::State::waiting:
            return "waiting";
        case router::Place::State::running:
            return "running";
        case router::Place::State::finished:
            return "finished";
    }
    return "";
}

std::string_view state_of(const router::Overview& service) {
    if (service.ready_pods > 0) return "ready";
    if (failing(service)) return "failing";
    return service.starting_pods > 0 ? "starting" : "cold";
}

// Members that both documents have.
std::string pods_json(const router::Overview& service) {
    return fmt::format(
        R"("pods":{{"ready":{},"starting":{}}},"coldStart":{{"usualSeconds":{},"elapsedSeconds":{},"activity":"{}"}})",
        service.ready_pods, service.starting_pods, seconds_or_null(service.usual_cold_start),
        seconds_or_null(service.cold_elapsed), json_escape(activity(service)));
}

std::string json_answer(const std::string& body, const StatusContext& context) {
    Answer answer;
    answer.type = "application/json";
    answer.request_id = context.request_id;
    answer.extra_fields = "Vary: Accept\r\n";
    answer.head_only = context.head_only;
    answer.close = context.close;
    return complete(answer, body);
}

}  // namespace

StatusPath status_path(std::string_view path) {
    using What = StatusPath::What;
    constexpr std::string_view ours = "/.pilotlight", requests = "/requests/";
    if (!path.starts_with(ours)) return {};
    path.remove_prefix(ours.size());
    if (!path.empty() && path.front() != '/') return {};
    if (path == "/status") return {What::service, {}};
    if (!path.starts_with(requests)) return {What::unknown, {}};
    path.remove_prefix(requests.size());
    return is_request_id(path) ? StatusPath{What::request, path} : StatusPath{What::unknown, {}};
}

bool wants_events(std::string_view accept) {
    return accept.find("text/event-stream") != std::string_view::npos;
}

std::string status_json(std::string_view id, const router::Place& place) {
    const bool waits = place.state == router::Place::State::waiting;
    return fmt::format(
        R"({{"id":"{}","state":"{}","ahead":{},"waiting":{},"expectedWaitSeconds":{},{},"sentence":"{}"}})",
        json_escape(id), to_string(place.state), waits ? fmt::to_string(place.ahead) : "null",
        place.service.waiting, waits ? seconds_or_null(place.expected_wait) : "null",
        pods_json(place.service), json_escape(sentence(place)));
}

std::string status_json(const router::Overview& service) {
    return fmt::format(R"({{"state":"{}","waiting":{},"running":{},{},"sentence":"{}"}})", state_of(service),
                       service.waiting, service.running, pods_json(service), json_escape(sentence(service)));
}

std::string request_status_response(std::string_view id, const std::optional<router::Place>& place,
                                    const StatusContext& context) {
    if (!place) return status_not_found("No request with this id waits, runs or ended lately.", context);
    return json_answer(status_json(id, *place) + "\n", context);
}

std::string service_status_response(const router::Overview& service, const StatusContext& context) {
    return json_answer(status_json(service) + "\n", context);
}

std::string status_not_found(std::string_view what, const StatusContext& context) {
    const auto body = fmt::format(
        R"({{"type":"about:blank","title":"Not Found","status":404,"detail":"{}","requestId":"{}"}})"
        "\n",
        json_escape(what), json_escape(context.request_id));
    Answer answer;
    answer.status = 404;
    answer.type = "application/problem+json";
    answer.request_id = context.request_id;
    answer.head_only = context.head_only;
    answer.close = context.close;
    return complete(answer, body);
}

std::string event_stream_head(const StatusContext& context, bool chunked) {
    auto out = fmt::format(
        "HTTP/1.1 200 OK\r\nDate: {}\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\n"
        "X-Accel-Buffering: no\r\nVary: Accept\r\n",
        http_date());
    if (!context.request_id.empty()) out += fmt::format("X-Request-Id: {}\r\n", context.request_id);
    if (chunked) out += "Transfer-Encoding: chunked\r\n";
    if (context.close || !chunked) out += "Connection: close\r\n";
    return out + "\r\n";
}

StatusStream::StatusStream(std::string id, pods::TimePoint now)
    : id_(std::move(id)), started_(now), looked_(now - shortest_pause), sent_(now) {}

std::string StatusStream::next(const std::optional<router::Place>& known, pods::TimePoint now) {
    if (over_) return {};
    router::Place gone;
    gone.state = router::Place::State::finished;
    const auto& place = known ? *known : gone;
    const bool finished = place.state == router::Place::State::finished;
    if (!finished && now - looked_ < shortest_pause) return {};
    looked_ = now;
    auto json = status_json(id_, place);
    std::string out;
    if (json != last_) {
        out = "data: " + json + "\n\n";
        last_ = std::move(json);
    } else if (now - sent_ >= heartbeat) {
        out = ": still here\n\n";
    }
    if (!out.empty()) sent_ = now;
    over_ = finished || now - started_ >= longest_life;
    return out;
}

pods::TimePoint StatusStream::look_at() const {
    return looked_ + shortest_pause;
}

}  // namespace proxy
