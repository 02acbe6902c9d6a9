// What the gateway itself says to those who wait: the status resources, the waiting page, A1111's progress
// bar.
#include <fmt/format.h>

#include <boost/asio.hpp>

#include "proxy/traffic/connection.hpp"
#include "proxy/traffic/forward.hpp"
#include "proxy/waiting/progress_bar.hpp"
#include "proxy/waiting/waiting_page.hpp"

namespace proxy {

namespace {

// A page that waits asks every second; so long its question stands in the queue and is demand, as the
// navigation was that brought the page.
constexpr std::chrono::seconds question_waits{1};
constexpr std::chrono::seconds page_after{1};  // a start that is quicker than this is not worth a page

bool asks_for_a_pod(std::string_view query) {
    return query == "waiting=1" || query.starts_with("waiting=1&") ||
           query.find("&waiting=1") != std::string_view::npos;
}

}  // namespace

asio::awaitable<Connection::Next> Connection::write_own(Visit& visit, int status, std::string text) {
    visit.record.status = status;
    text.insert(text.find("\r\n") + 2, door_fields());
    const auto error = co_await stream_.write({text}, visit.routing->timeouts.write);
    if (error) visit.record.refusal = Refusal::client_left;
    co_return !error && visit.keep_alive ? Next::another : Next::lingering_close;
}

asio::awaitable<Connection::Next> Connection::tell_status(Visit& visit, StatusPath path) {
    auto& x = *visit.exchange;
    auto& gate = *x.service->gate;
    visit.record.request_class = 'L';
    const bool head_only = x.head.method() == "HEAD";
    if ((x.head.method() != "GET" && !head_only) || x.head.framing() != Framing::none)
        co_return co_await refuse(Refusal::bad_request, &x.head, visit.record,
                                  "This resource is read with GET, without a body.", 405, true);
    visit.keep_alive = x.head.keep_alive() && !worker_.draining();
    const StatusContext context{visit.record.request_id, head_only, !visit.keep_alive};
    if (path.what == StatusPath::What::unknown)
        co_return co_await write_own(
            visit, 404,
            status_not_found("There are /.pilotlight/status and /.pilotlight/requests/{id}.", context));
    if (path.what == StatusPath::What::service) {
        if (asks_for_a_pod(x.head.query()) && gate.overview(Clock::now()).ready_pods == 0) {
            const auto lease = co_await acquire(visit, Clock::now() + question_waits);
            if (departed_) co_return co_await refuse(Refusal::client_left, &x.head, visit.record, {});
        }
        co_return co_await write_own(visit, 200,
                                     service_status_response(gate.overview(Clock::now()), context));
    }
    const std::string id(path.id);
    const auto place = gate.place("request:" + id, Clock::now());
    if (place && wants_events(x.head.first("Accept")) && !head_only)
        co_return co_await stream_status(visit, id, context);
    co_return co_await write_own(visit, place ? 200 : 404, request_status_response(id, place, context));
}

// A place in the queue as it moves, for as long as the client listens.
asio::awaitable<Connection::Next> Connection::stream_status(Visit& visit, std::string id,
                                                            StatusContext context) {
    auto& x = *visit.exchange;
    const bool chunked = x.head.minor_version() >= 1;
    const auto patience = visit.routing->timeouts.write;
    visit.record.status = 200;
    visit.counted.release();  // nobody who shuts down waits for it
    std::string pending = event_stream_head(context, chunked);
    pending.insert(pending.find("\r\n") + 2, door_fields());
    Waiter::Timer pause(worker_.io(), TimePoint::max());
    departed_ = false;
    watch([this, &pause] {
        departed_ = true;
        pause.cancel();
    });
    StatusStream events(id, Clock::now());
    while (!departed_ && !worker_.draining()) {
        const auto now = Clock::now();
        const auto said = events.next(x.service->gate->place("request:" + id, now), now);
        if (!said.empty()) pending += chunked ? chunk_start(said.size()) + said + "\r\n" : said;
        if (events.over() && chunked) pending += "0\r\n\r\n";
        visit.record.bytes_out += pending.size();
        if (!pending.empty() && co_await stream_.write({pending}, patience)) departed_ = true;
        pending.clear();
        if (departed_ || events.over()) break;
        pause.expires_at(events.look_at());
        co_await pause.async_wait(asio::as_tuple(asio::use_awaitable));
    }
    stop_watching();
    if (departed_) visit.record.refusal = Refusal::client_left;
    co_return events.over() && chunked&& visit.keep_alive ? Next::another : Next::lingering_close;
}

// Of a task that waits with us no pod knows anything, and its page gives up its bar if one says so.
std::optional<std::string> Connection::progress_of_waiting_task(const Visit& visit) const {
    const auto& x = *visit.exchange;
    if (x.head.method() != "POST" || !x.head.path().ends_with("/internal/progress")) return std::nullopt;
    for (const auto& id : visit.caller.ids) {
        if (!id.starts_with("task:")) continue;
        const auto place = x.service->gate->place(id, Clock::now());
        if (place && place->state == router::Place::State::waiting)
            return progress_bar_response(*place, visit.record.request_id, !visit.keep_alive);
    }
    return std::nullopt;
}

// A browser that holds enough of them gets a short one, so that its next tab finds a connection.
std::optional<std::string> Connection::heartbeat_too_many(Visit& visit) {
    const auto& x = *visit.exchange;
    const auto& browser = visit.caller.cookie;
    const bool is_one = x.stream && browser && is_heartbeat(x.head.method(), x.head.path());
    if (!is_one || x.head.websocket()) return std::nullopt;
    if (auto held = x.service->heartbeats->hold(browser->session)) {
        visit.heartbeat.emplace(std::move(*held));
        return std::nullopt;
    }
    return short_heartbeat(visit.record.request_id, !visit.keep_alive);
}

bool Connection::is_page_view(const Visit& visit) {
    const auto& head = visit.exchange->head;
    return visit.classified.what == router::Class::navigation &&
           proxy::is_page_view(head.method(), head.first("Accept"), head.first("Sec-Fetch-Mode"));
}

TimePoint Connection::patience_of(const Visit& visit) {
    return is_page_view(visit) ? Clock::now() + page_after : TimePoint::max();
}

asio::awaitable<Connection::Next> Connection::show_waiting_page(Visit& visit) {
    const auto& x = *visit.exchange;
    WaitingPage page;
    page.service = x.service->name;
    page.request_id = visit.record.request_id;
    page.head_only = x.head.method() == "HEAD";
    page.close = !visit.keep_alive;
    const auto overview = x.service->gate->overview(Clock::now());
    co_return co_await write_own(visit, 503, waiting_page_response(overview, page));
}

}  // namespace proxy
