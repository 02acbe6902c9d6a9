// What the gateway itself says to those who wait: the status resources, the waiting page, A1111's progress
// bar.
#include <fmt/format.h>

#include <boost/asio.hpp>

#include "proxy/traffic/forward.hpp"
#include "proxy/traffic/visit.hpp"
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

asio::awaitable<Visit::Next> Visit::write_own(int status, std::string text) {
    record_.status = status;
    text.insert(text.find("\r\n") + 2, door_fields());
    const auto error = co_await client_.write_text(text, routing_->timeouts.write);
    if (error) record_.refusal = Refusal::client_left;
    co_return !error && keep_alive_ ? Next::another : Next::lingering_close;
}

asio::awaitable<Visit::Next> Visit::tell_status(StatusPath path) {
    auto& x = *exchange_;
    auto& gate = *x.service->gate;
    record_.request_class = 'L';
    const bool head_only = x.head.method() == "HEAD";
    if ((x.head.method() != "GET" && !head_only) || x.head.framing() != Framing::none)
        co_return co_await refuse(Refusal::bad_request, x.head,
                                  "This resource is read with GET, without a body.", 405, true);
    keep_alive_ = x.head.keep_alive() && !worker_.draining();
    const StatusContext context{record_.request_id, head_only, !keep_alive_};
    if (path.what == StatusPath::What::unknown)
        co_return co_await write_own(
            404, status_not_found("There are /.pilotlight/status and /.pilotlight/requests/{id}.", context));
    if (path.what == StatusPath::What::service) {
        if (asks_for_a_pod(x.head.query()) && gate.overview(Clock::now()).ready_pods == 0) {
            const auto lease = co_await acquire(Clock::now() + question_waits);
            if (departed_) co_return co_await refuse(Refusal::client_left, x.head, {});
        }
        co_return co_await write_own(200, service_status_response(gate.overview(Clock::now()), context));
    }
    const std::string id(path.id);
    const auto place = gate.place("request:" + id, Clock::now());
    if (place && wants_events(x.head.first("Accept")) && !head_only)
        co_return co_await stream_status(id, context);
    co_return co_await write_own(place ? 200 : 404, request_status_response(id, place, context));
}

// A place in the queue as it moves, for as long as the client listens.
asio::awaitable<Visit::Next> Visit::stream_status(std::string id, StatusContext context) {
    auto& x = *exchange_;
    const bool chunked = x.head.minor_version() >= 1;
    const auto patience = routing_->timeouts.write;
    record_.status = 200;
    counted_.release();  // nobody who shuts down waits for it
    auto head = event_stream_head(context, chunked);
    head.insert(head.find("\r\n") + 2, door_fields());
    client_.begin(std::move(head), chunked);
    Waiter::Timer pause(worker_.io(), TimePoint::max());
    client_.watch([this, &pause] {
        departed_ = true;
        pause.cancel();
    });
    StatusStream events(id, Clock::now());
    for (bool begun = false; !departed_ && !worker_.draining(); begun = true) {
        const auto now = Clock::now();
        const auto said = events.next(x.service->gate->place("request:" + id, now), now);
        record_.bytes_out += said.size();
        if (!begun || !said.empty() || events.over()) {
            boost::system::error_code error;
            auto going = client_.write_content(said, events.over(), patience, error);
            if (going) error = co_await std::move(*going);
            if (error) departed_ = true;
        }
        if (departed_ || events.over()) break;
        pause.expires_at(events.look_at());
        co_await pause.async_wait(asio::as_tuple(asio::use_awaitable));
    }
    client_.stop_watching();
    if (departed_) record_.refusal = Refusal::client_left;
    co_return events.over() && chunked&& keep_alive_ ? Next::another : Next::lingering_close;
}

std::optional<std::string> Visit::answer_without_pod() {
    if (auto bar = progress_of_waiting_task()) return bar;
    return heartbeat_too_many();
}

// Of a task that waits with us no pod knows anything, and its page gives up its bar if one says so.
std::optional<std::string> Visit::progress_of_waiting_task() const {
    const auto& x = *exchange_;
    if (x.head.method() != "POST" || !x.head.path().ends_with("/internal/progress")) return std::nullopt;
    for (const auto& id : caller_.ids) {
        if (!id.starts_with("task:")) continue;
        const auto place = x.service->gate->place(id, Clock::now());
        if (place && place->state == router::Place::State::waiting)
            return progress_bar_response(*place, record_.request_id, !keep_alive_);
    }
    return std::nullopt;
}

// A browser that holds enough of them gets a short one, so that its next tab finds a connection. Over HTTP/2
// one connection is all that it ever needs.
std::optional<std::string> Visit::heartbeat_too_many() {
    const auto& x = *exchange_;
    const auto& browser = caller_.cookie;
    const bool is_one = x.stream && browser && is_heartbeat(x.head.method(), x.head.path());
    if (!is_one || x.head.websocket() || x.head.http2()) return std::nullopt;
    if (auto held = x.service->heartbeats->hold(browser->session)) {
        heartbeat_.emplace(std::move(*held));
        return std::nullopt;
    }
    return short_heartbeat(record_.request_id, !keep_alive_);
}

bool Visit::is_page_view() const {
    const auto& head = exchange_->head;
    return classified_.what == router::Class::navigation &&
           proxy::is_page_view(head.method(), head.first("Accept"), head.first("Sec-Fetch-Mode"));
}

TimePoint Visit::patience() const {
    return is_page_view() ? Clock::now() + page_after : TimePoint::max();
}

asio::awaitable<Visit::Next> Visit::show_waiting_page() {
    const auto& x = *exchange_;
    WaitingPage page;
    page.service = x.service->name;
    page.request_id = record_.request_id;
    page.head_only = x.head.method() == "HEAD";
    page.close = !keep_alive_;
    record_.waiting_page = true;
    const auto overview = x.service->gate->overview(Clock::now());
    co_return co_await write_own(503, waiting_page_response(overview, page));
}

}  // namespace proxy
