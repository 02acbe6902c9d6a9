// A request's way in: whose service it is for, its body, what it is.
#include <fmt/format.h>

#include <boost/asio.hpp>
#include <ctime>

#include "proxy/bounds/pace.hpp"
#include "proxy/traffic/asked.hpp"
#include "proxy/traffic/forward.hpp"
#include "proxy/traffic/job.hpp"
#include "proxy/traffic/text.hpp"
#include "proxy/traffic/visit.hpp"
#include "router/ids.hpp"

namespace proxy {

namespace {

// Of two versions we and the pod could read a different one.
bool says_version_13(const RequestHead& head) {
    return head.has_one("Sec-WebSocket-Version") && head.first("Sec-WebSocket-Version") == "13";
}

// What a stream listens for: the ends of the jobs of its session.
std::unique_ptr<AnswerListener> listener_for(const Service& service, const router::Classified& classified,
                                             const RequestHead& head, const std::vector<std::string>& ids) {
    if (classified.until != router::Until::answer) return std::make_unique<AnswerIds>();
    if (classified.what != router::Class::stream || head.method() != "GET") return nullptr;
    std::string session, event;
    for (const auto& id : ids) {
        if (id.starts_with("session:")) session = id.substr(8);
        if (id.starts_with("event:")) event = id.substr(6);
    }
    const bool of_a_queue = head.path().ends_with("/queue/data") && !session.empty();
    const bool of_a_call = head.path().find("/call/") != std::string_view::npos && !event.empty();
    if (!of_a_queue && !of_a_call) return nullptr;
    return std::make_unique<JobEvents>(service.jobs, std::move(session), of_a_call ? event : std::string{});
}

}  // namespace

Visit::Visit(Worker& worker, const Arrival& arrival, Client& client, const RequestHead& request)
    : worker_(worker),
      arrival_(arrival),
      client_(client),
      counted_(worker.shared().requests),
      routing_(worker.routing()) {
    find_client(request);
    const auto given_id = request.first("X-Request-Id");
    const bool its_own = is_request_id(given_id) && request.has_one("X-Request-Id");
    record_.request_id = its_own ? std::string(given_id) : hex(random64());
    if (request.http2()) record_.protocol = "HTTP/2";
}

asio::awaitable<Visit::Next> Visit::answer(RequestHead request) {
    const bool has_body = request.framing() != Framing::none;
    if (const auto why = misdirected(request)) {
        const auto next = co_await refuse(Refusal::misdirected, request, *why, 0, has_body);
        keep(std::move(request));
        co_return next;
    }
    if (goes_in_circles(request)) {
        const auto next = co_await refuse(
            Refusal::loop, request,
            "The request has come by here many times: a pod's address is the gateway's own.", 0, has_body);
        keep(std::move(request));
        co_return next;
    }
    const auto index = routing_->routes.find(request.host());
    if (!index) {
        const auto detail =
            fmt::format("No service here has the host name '{}'. Hosts look like service.namespace.domain.",
                        request.host());
        const auto next = co_await refuse(Refusal::unknown_host, request, detail, 0, has_body);
        keep(std::move(request));
        co_return next;
    }
    keep_alive_ = !has_body && request.keep_alive() && request.minor_version() > 0 && !worker_.draining() &&
                  !(worker_.passes_on() && arrival_.tls != nullptr);
    if (auto answer = moved_to_https(request)) {
        keep(std::move(request));
        co_return co_await write_own(308, std::move(*answer));
    }
    const auto& service = routing_->services[*index];
    classified_ = service->rules->classify(asked_by(request));
    exchange_ = std::make_shared<Exchange>(worker_.io(), routing_, service, std::move(request));
    auto& x = *exchange_;
    x.request_id = record_.request_id;
    if (routing_->tracing) x.trace = begin_trace(x.head);
    record_.method = x.head.method(), record_.host = x.head.host(), record_.target = x.head.target();
    record_.service = service->key;
    record_.request_class = router::letter(classified_.what);

    if (x.head.max_forwards() == 0)  // RFC 9110 section 7.6.2: it ends here
        co_return co_await answer_options();

    if (x.service->keys) {
        const auto unwelcome = co_await let_in();
        if (unwelcome) co_return co_await refuse(*unwelcome, x.head, advice(*unwelcome), 0, has_body);
    }
    if (const auto path = status_path(x.head.path()); path.what != StatusPath::What::none)
        co_return co_await tell_status(path);
    if (classified_.what == router::Class::denied)
        co_return co_await refuse(Refusal::denied, x.head, "This path could end the pod; it is not served.",
                                  0, has_body);
    if (worker_.draining())
        co_return co_await refuse(Refusal::shutting_down, x.head, "The gateway is shutting down.", 0,
                                  has_body);
    if (!worker_.shared().bounds.takes_new()) {
        count(worker_.shared().bounds.refused_overload);
        co_return co_await refuse(Refusal::overloaded, x.head, advice(Refusal::overloaded), 0, has_body);
    }
    const bool speaks_rfc_6455 = x.head.websocket() && says_version_13(x.head);
    if (classified_.what == router::Class::socket && !speaks_rfc_6455)  // it would get round its slot
        co_return co_await refuse(Refusal::bad_request, x.head,
                                  "This socket is spoken in Sec-WebSocket-Version 13 only, said once.");
    if (classified_.what == router::Class::socket) {
        co_await converse();
        co_return Next::close;
    }
    const auto gate = x.service->gate;  // a reload may give the request another one
    Counted unplaced(gate->unplaced);
    if (classified_.peek) body_.emplace();
    if (has_body) {
        const bool whole = co_await read_body();
        if (!whole) co_return record_.status == 499 ? Next::close : Next::lingering_close;
    }
    if (const auto& now = worker_.routing();
        now != routing_)  // a reload during the upload: the pods are another revision's
        if (const auto found = now->routes.find(x.head.host())) x.service = now->services[*found];
    prepare();
    auto own_answer = answer_without_pod();
    Placed placed;
    if (!own_answer) placed = place_without_slot();
    if (placed.pod)
        start(std::move(placed.pod), {});
    else if (const auto over = co_await hand_over(std::move(own_answer), placed.why))
        co_return *over;
    unplaced.release();
    co_return co_await result();
}

asio::awaitable<Visit::Next> Visit::answer_options() {
    const auto& head = exchange_->head;
    keep_alive_ = head.keep_alive() && head.framing() == Framing::none && !worker_.draining();
    record_.request_class = 'L';
    auto text = fmt::format("HTTP/1.1 204 {}\r\nDate: {}\r\nAllow: {}\r\nX-Request-Id: {}\r\n{}\r\n",
                            status_text(204), http_date(), allowed_methods, record_.request_id,
                            keep_alive_ ? "" : "Connection: close\r\n");
    co_return co_await write_own(204, std::move(text));
}

void Visit::keep(RequestHead head) {
    unrouted_ = std::move(head);
    record_.method = unrouted_->method(), record_.host = unrouted_->host();
    record_.target = unrouted_->target();
}

// What the body and the head say about whose request it is, and what it is.
void Visit::prepare() {
    auto& x = *exchange_;
    caller_.ids = router::ids_in_target(x.head.path(), x.head.query());
    caller_.cookie = binding_of(*x.service, x.head);
    caller_.origin = address_;
    name_key();
    if (body_) read_members();
    body_.reset();  // a held request may wait long with thousands of others
    record_.request_class = router::letter(classified_.what);
    x.stream =
        !takes_a_slot(classified_.what) && (x.head.websocket() || classified_.what == router::Class::stream);
    x.until = classified_.until;
    x.listener = listener_for(*x.service, classified_, x.head, caller_.ids);
    x.head_for_pod = request_for_pod();
    keep_alive_ = x.head.keep_alive() && worker_.keeps_alive();
}

void Visit::read_members() {
    auto& x = *exchange_;
    auto& classified = classified_;
    const auto& body = *body_;
    body.for_each([&](std::string_view member, std::string_view value) {
        if (auto id = router::id_in_member(x.head.path(), member, value))
            caller_.ids.push_back(std::move(*id));
    });
    x.session_hash = body.find("session_hash").value_or("");
    if (classified.task_only)
        classified = router::with_task(classified, router::is_task(body.find("data0").value_or("")));
    // An event without any input while its session's own job runs steers that job: the Interrupt and Skip of
    // Forge (modules_forge/main_entry.py). In the queue it would wait for the very thing that it should end.
    const bool steers = classified.until == router::Until::gradio_queue && body.data_is_empty() &&
                        !x.session_hash.empty() && x.service->jobs->pending(x.session_hash);
    if (steers) classified.what = router::Class::light, classified.until = router::Until::answer;
}

void Visit::take(std::string_view content) {
    taken_this_turn_ += content.size();
    if (body_) body_->feed(content);
    disk_failed_ = disk_failed_ || !exchange_->body.append(content);
}

asio::awaitable<bool> Visit::read_body() {
    using Content = Client::Content;
    auto& x = *exchange_;
    const auto limit = x.routing->limits.body_bytes;
    const auto& timeouts = x.routing->timeouts;
    const Pace pace{Clock::now(), timeouts.body, x.routing->limits.body_rate};
    // What announces too much is too much.
    const auto too_long = [&] { return x.body.size() + client_.announced_content() > limit; };
    bool may_be_asked_for = x.head.expects_continue();
    for (auto got = Content::some; got != Content::whole && !too_long();) {
        got = client_.take_content(*this);
        record_.bytes_in = x.body.size();
        if (got == Content::gone) co_return co_await refuse_body(Refusal::client_left, {});
        if (got == Content::malformed)
            co_return co_await refuse_body(Refusal::bad_request, "The request's framing is malformed.");
        if (too_long()) break;
        if (disk_failed_)
            co_return co_await refuse_body(
                Refusal::disk_full,
                "The request's body could not be buffered: no room in the gateway's spool directory.");
        if (got == Content::none_yet) {
            if (std::exchange(may_be_asked_for, false))
                co_await client_.write_text("HTTP/1.1 100 Continue\r\n\r\n", timeouts.write);
            const auto error =
                co_await client_.content_or_departure(pace.deadline(Clock::now(), x.body.size()));
            taken_this_turn_ = 0;
            if (!error) continue;
            const bool late = error == asio::error::timed_out;
            if (late) count(worker_.shared().bounds.slow_bodies);
            co_return co_await refuse_body(late ? Refusal::request_timeout : Refusal::client_left,
                                           "The request's body did not arrive in time.");
        }
        may_be_asked_for = false;
        if (taken_this_turn_ > Worker::turn) {
            taken_this_turn_ = 0;
            co_await worker_.others();
        }
    }
    if (!too_long()) co_return true;
    const auto detail = fmt::format("The request's body is longer than {} octets.", limit);
    co_return co_await refuse_body(Refusal::body_too_large, detail);
}

// Always false.
asio::awaitable<bool> Visit::refuse_body(Refusal why, std::string_view detail) {
    co_await refuse(why, exchange_->head, detail, 0, true);
    co_return false;
}

}  // namespace proxy
