// A request's way from its head to the errand that carries it to a pod.
#include <fmt/format.h>

#include <boost/asio.hpp>
#include <ctime>

#include "proxy/bounds/pace.hpp"
#include "proxy/traffic/asked.hpp"
#include "proxy/traffic/connection.hpp"
#include "proxy/traffic/errand.hpp"
#include "proxy/traffic/forward.hpp"
#include "proxy/traffic/job.hpp"
#include "proxy/traffic/text.hpp"
#include "router/ids.hpp"

namespace proxy {

namespace {

constexpr std::size_t most_elsewhere = 8;  // pods that are asked after a 404

bool takes_a_slot(router::Class what) {
    return what == router::Class::generation || what == router::Class::job;
}

// Of two versions we and the pod could read a different one.
bool says_version_13(const RequestHead& head) {
    return head.has_one("Sec-WebSocket-Version") && head.first("Sec-WebSocket-Version") == "13";
}

// What a stream listens for: the ends of the jobs of its session.
std::unique_ptr<Listener> listener_for(const Service& service, const router::Classified& classified,
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

asio::awaitable<Connection::Next> Connection::serve(RequestHead request, Counted& counted) {
    Visit visit(counted);
    visit.routing = worker_.routing();
    find_client(visit, request);
    const auto given_id = request.first("X-Request-Id");
    const bool its_own = is_request_id(given_id) && request.has_one("X-Request-Id");
    visit.record.request_id = its_own ? std::string(given_id) : hex(random64());
    const auto next = co_await answer(visit, std::move(request));
    stop_watching();
    visit.over = true;
    log(visit);
    co_return next;
}

asio::awaitable<Connection::Next> Connection::answer(Visit& visit, RequestHead request) {
    auto& record = visit.record;
    const bool has_body = request.framing() != Framing::none;
    if (const auto why = misdirected(request)) {
        const auto next = co_await refuse(Refusal::misdirected, &request, record, *why, 0, has_body);
        visit.keep(std::move(request));
        co_return next;
    }
    const auto index = visit.routing->routes.find(request.host());
    if (!index) {
        const auto detail =
            fmt::format("No service here has the host name '{}'. Hosts look like service.namespace.domain.",
                        request.host());
        const auto next = co_await refuse(Refusal::unknown_host, &request, record, detail, 0, has_body);
        visit.keep(std::move(request));
        co_return next;
    }
    visit.keep_alive =
        !has_body && request.keep_alive() && request.minor_version() > 0 && !worker_.draining();
    if (auto answer = moved_to_https(visit, request)) {
        visit.keep(std::move(request));
        co_return co_await write_own(visit, 308, std::move(*answer));
    }
    const auto& service = visit.routing->services[*index];
    visit.classified = service->rules->classify(asked_by(request));
    visit.exchange = std::make_shared<Exchange>(worker_.io(), visit.routing, service, std::move(request));
    auto& x = *visit.exchange;
    record.method = x.head.method(), record.host = x.head.host(), record.target = x.head.target();
    record.service = service->key;
    record.request_class = router::letter(visit.classified.what);

    if (x.head.max_forwards() == 0)  // RFC 9110 section 7.6.2: it ends here
        co_return co_await answer_options(visit);

    if (x.service->keys) {
        const auto unwelcome = co_await let_in(visit);
        if (unwelcome)
            co_return co_await refuse(*unwelcome, &x.head, record, advice(*unwelcome), 0, has_body);
    }
    if (const auto path = status_path(x.head.path()); path.what != StatusPath::What::none)
        co_return co_await tell_status(visit, path);
    if (visit.classified.what == router::Class::denied)
        co_return co_await refuse(Refusal::denied, &x.head, record,
                                  "This path could end the pod; it is not served.", 0, has_body);
    if (worker_.draining())
        co_return co_await refuse(Refusal::shutting_down, &x.head, record, "The gateway is shutting down.", 0,
                                  has_body);
    if (!worker_.shared().bounds.takes_new()) {
        count(worker_.shared().bounds.refused_overload);
        co_return co_await refuse(Refusal::overloaded, &x.head, record, advice(Refusal::overloaded), 0,
                                  has_body);
    }
    const bool speaks_rfc_6455 = x.head.websocket() && says_version_13(x.head);
    if (visit.classified.what == router::Class::socket && !speaks_rfc_6455)  // it would get round its slot
        co_return co_await refuse(Refusal::bad_request, &x.head, record,
                                  "This socket is spoken in Sec-WebSocket-Version 13 only, said once.");
    if (visit.classified.what == router::Class::socket) {
        co_await converse(visit);
        co_return Next::close;
    }
    if (!co_await read_body(visit)) co_return record.status == 499 ? Next::close : Next::lingering_close;
    if (const auto& now = worker_.routing();
        now != visit.routing)  // a reload during the upload: the pods are another revision's
        if (const auto found = now->routes.find(x.head.host())) x.service = now->services[*found];
    prepare(visit);
    departed_ = false;
    if (const auto over = co_await hand_over(visit)) co_return *over;
    co_return co_await result(visit);
}

asio::awaitable<Connection::Next> Connection::answer_options(Visit& visit) {
    const auto& head = visit.exchange->head;
    visit.keep_alive = head.keep_alive() && head.framing() == Framing::none && !worker_.draining();
    visit.record.request_class = 'L';
    auto text = fmt::format("HTTP/1.1 204 {}\r\nDate: {}\r\nAllow: {}\r\nX-Request-Id: {}\r\n{}\r\n",
                            status_text(204), http_date(), allowed_methods, visit.record.request_id,
                            visit.keep_alive ? "" : "Connection: close\r\n");
    co_return co_await write_own(visit, 204, std::move(text));
}

// What the body and the head say about whose request it is, and what it is.
void Connection::prepare(Visit& visit) {
    auto& x = *visit.exchange;
    visit.caller.ids = router::ids_in_target(x.head.path(), x.head.query());
    visit.caller.cookie = binding_of(*x.service, x.head);
    visit.caller.origin = visit.client;
    name_key(visit);
    if (visit.body) read_members(visit);
    visit.body.reset();  // a held request may wait long with thousands of others
    visit.record.request_class = router::letter(visit.classified.what);
    x.stream = !takes_a_slot(visit.classified.what) &&
               (x.head.websocket() || visit.classified.what == router::Class::stream);
    x.until = visit.classified.until;
    x.listener = listener_for(*x.service, visit.classified, x.head, visit.caller.ids);
    x.head_for_pod = request_for(visit);
    visit.keep_alive = x.head.keep_alive() && worker_.keeps_alive();
}

void Connection::read_members(Visit& visit) {
    auto& x = *visit.exchange;
    auto& classified = visit.classified;
    const auto& body = *visit.body;
    body.for_each([&](std::string_view member, std::string_view value) {
        if (auto id = router::id_in_member(x.head.path(), member, value))
            visit.caller.ids.push_back(std::move(*id));
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

// A slot, or a pod without one, or why not.
asio::awaitable<std::optional<Connection::Next>> Connection::hand_over(Visit& visit) {
    auto& x = *visit.exchange;
    auto& record = visit.record;
    const auto what = visit.classified.what;
    std::shared_ptr<const Backend> pod;
    Lease lease;
    if (auto bar = progress_of_waiting_task(visit)) co_return co_await write_own(visit, 200, std::move(*bar));
    if (auto beat = heartbeat_too_many(visit)) co_return co_await write_own(visit, 200, std::move(*beat));
    if (!takes_a_slot(what)) {
        auto placed = x.service->gate->any_pod(visit.caller, visit.classified.towards, Clock::now());
        pod = std::move(placed.pod);
        if (!pod && placed.why != Unplaced::no_pod)
            co_return co_await refuse(
                Refusal::unplaced, &x.head, record,
                placed.why == Unplaced::none_busy
                    ? "No pod works for you, so there is nothing of yours to stop."
                    : "Several pods work, and nothing in this request says which one "
                      "works for you: send the cookie that you were given, or the id of "
                      "your session or task.");
        if (pod && visit.classified.towards == router::Towards::seek && !x.head.websocket()) {
            x.elsewhere = x.service->gate->others(pod->id);
            if (x.elsewhere.size() > most_elsewhere) x.elsewhere.resize(most_elsewhere);
        }
    }
    if (!pod && (takes_a_slot(what) || what == router::Class::navigation)) {
        lease = co_await acquire(visit, patience_of(visit));
        x.waited = lease.waiter().waited;
        x.borrowed = lease.waiter().borrowed;
        if (!lease.granted() || departed_) {
            const bool still_waits = !lease.granted() && !lease.refused() && !departed_;
            if (still_waits) {
                lease.release();
                co_return co_await show_waiting_page(visit);
            }
            const auto why =
                departed_ ? Refusal::client_left : lease.refused().value_or(Refusal::unavailable);
            lease.release();  // out of the queue before the answer is written
            co_return co_await refuse(why, &x.head, record, advice(why));
        }
        pod = lease.pod();
        if (!takes_a_slot(what)) lease.release();  // it only waited for a pod to be there
    }
    if (!pod)
        co_return co_await refuse(
            Refusal::unavailable, &x.head, record,
            "No pod runs, and requests of this kind start none: send a generation or open the page first, or "
            "let every request start one with the annotation pilotlight.dev/profile: strict.");
    start_errand(worker_, visit.exchange, pod, std::move(lease));
    watch([exchange = visit.exchange] { exchange->leave(); });
    co_return std::nullopt;
}

asio::awaitable<Connection::Next> Connection::result(Visit& visit) {
    auto& x = *visit.exchange;
    while (!x.response && !x.failure && !x.client_left) {
        if (!x.interim.empty()) {
            const bool there = co_await deliver_interim(x);
            if (there) continue;
            break;
        }
        x.changed.expires_at(TimePoint::max());
        co_await x.changed.async_wait(asio::as_tuple(asio::use_awaitable));
    }
    if (x.client_left) co_return co_await refuse(Refusal::client_left, &x.head, visit.record, {});
    if (!x.response) co_return co_await refuse(*x.failure, &x.head, visit.record, x.detail);
    if (x.switched) co_return co_await tunnel_through(visit);
    if (x.stream) visit.counted.release();
    co_return co_await deliver(visit);
}

asio::awaitable<bool> Connection::read_body(Visit& visit) {
    auto& x = *visit.exchange;
    auto& record = visit.record;
    const auto& limits = x.routing->limits;
    BodyDecoder decoder(x.head.framing(), x.head.content_length());
    const auto too_large = fmt::format("The request's body is longer than {} octets.", limits.body_bytes);
    if (x.head.framing() == Framing::sized && x.head.content_length() > limits.body_bytes) {
        co_await refuse(Refusal::body_too_large, &x.head, record, too_large, 0, true);
        co_return false;
    }
    if (x.head.expects_continue() && decoder.state() == BodyDecoder::State::more && in_.empty())
        co_await stream_.write({"HTTP/1.1 100 Continue\r\n\r\n"}, x.routing->timeouts.write);
    if (visit.classified.peek) visit.body.emplace();
    bool disk_failed = false;
    const auto sink = [&](std::string_view content) {
        if (visit.body) visit.body->feed(content);
        disk_failed = disk_failed || !x.body.append(content);
    };
    in_.erase(0, decoder.feed(in_, sink));
    std::size_t this_turn = 0;
    const Pace pace{Clock::now(), x.routing->timeouts.body, limits.body_rate};
    // A chunk that announces too much is too much.
    const auto too_long = [&] { return x.body.size() + decoder.announced() > limits.body_bytes; };
    while (decoder.state() == BodyDecoder::State::more && !disk_failed && !too_long()) {
        if (this_turn > Worker::turn) {
            this_turn = 0;
            co_await worker_.others();
        }
        if (const auto read = stream_.try_read(worker_.scratch())) {
            if (read->error) {
                co_await refuse(Refusal::client_left, &x.head, record, {});
                co_return false;
            }
            this_turn += read->octets;
            const std::string_view octets(worker_.scratch().data(), read->octets);
            in_.append(octets.substr(decoder.feed(octets, sink)));
            continue;
        }
        const auto error = co_await stream_.readable(pace.deadline(Clock::now(), x.body.size()));
        if (!error) continue;
        const auto why =
            error == boost::asio::error::timed_out ? Refusal::request_timeout : Refusal::client_left;
        if (why == Refusal::request_timeout) count(worker_.shared().bounds.slow_bodies);
        co_await refuse(why, &x.head, record, "The request's body did not arrive in time.", 0, true);
        co_return false;
    }
    record.bytes_in = x.body.size();
    auto why = std::optional<Refusal>{};
    std::string_view detail;
    if (decoder.state() != BodyDecoder::State::malformed && too_long())
        why = Refusal::body_too_large, detail = too_large;
    else if (disk_failed)
        why = Refusal::disk_full,
        detail = "The request's body could not be buffered: no room in the gateway's spool directory.";
    else if (decoder.state() == BodyDecoder::State::malformed)
        why = Refusal::bad_request, detail = "The request's chunked framing is malformed.";
    if (why) co_await refuse(*why, &x.head, record, detail, 0, true);
    co_return !why.has_value();
}

asio::awaitable<Lease> Connection::acquire(Visit& visit, TimePoint until) {
    auto& x = *visit.exchange;
    std::vector<std::string> names{"request:" + visit.record.request_id};
    for (const auto& id : visit.caller.ids)
        if (id.starts_with("task:")) names.push_back(id);
    auto lease = x.service->gate->enter(worker_.io(), visit.caller, x.body.size(), names, Clock::now());
    if (lease.granted() || lease.refused()) co_return lease;
    departed_ = false;
    watch([this, waiter = lease.shared_waiter()] {
        departed_ = true;
        waiter->ring();
    });
    lease.waiter().alarm.expires_at(until);
    while (!lease.granted() && !lease.refused() && !departed_ && Clock::now() < until)
        co_await lease.waiter().alarm.async_wait(asio::as_tuple(asio::use_awaitable));
    stop_watching();
    co_return lease;
}

// --- texts

std::optional<Binding> Connection::binding_of(const Service& service, const RequestHead& head) const {
    if (!service.affinity.cookie) return std::nullopt;
    const auto now = std::time(nullptr);
    for (const auto& field : head.fields()) {
        if (!same_name(field.name, "Cookie")) continue;
        for (const auto value : cookies_named(field.value, service.affinity.cookie_name))
            if (auto binding = worker_.shared().cookie_key.open(value, service.key, now,
                                                                service.affinity.cookie_timeout))
                return binding;
    }
    return std::nullopt;
}

std::string Connection::request_for(const Visit& visit) const {
    const auto& x = *visit.exchange;
    const auto& head = x.head;
    const auto given = head.first("traceparent");
    std::string trace(is_traceparent(given) && head.has_one("traceparent") ? given : std::string_view{});
    if (trace.empty()) trace = "00-" + hex(random64()) + hex(random64()) + "-" + hex(random64()) + "-00";
    ToPod to;
    to.client_address = peer_;
    to.tls = stream_.tls();
    to.client_certificate = client_certificate_;
    to.client_trusted = x.routing->trusts(peer_address_);
    to.request_id = visit.record.request_id;
    to.traceparent = trace;
    to.websocket = head.websocket();
    to.identity = x.stream && !head.websocket();
    to.hide_keys = x.service->keys && !x.service->keys->settings().forward_key;
    if (x.service->affinity.cookie) to.hide_cookie = x.service->affinity.cookie_name;
    const bool usually_has_body =
        head.method() == "POST" || head.method() == "PUT" || head.method() == "PATCH";
    if (head.framing() != Framing::none || usually_has_body) to.content_length = x.body.size();
    return request_for_pod(head, to);
}

void Connection::log(Visit& visit) {
    auto& record = visit.record;
    record.total = Clock::now() - visit.began;
    if (visit.exchange) {
        const auto& x = *visit.exchange;
        auto& metrics = *x.service->metrics;
        if (x.backend) record.pod = x.backend->name;
        record.queue = x.waited.queue;
        record.cold = x.waited.cold;
        record.retries = x.retries;
        const bool answered = x.handed_over != TimePoint{};
        if (answered)
            record.pod_time = (x.pod_done != TimePoint{} ? x.pod_done : Clock::now()) - x.handed_over;
        const auto status_class = record.status == 499 ? 0u : static_cast<unsigned>(record.status / 100) % 6;
        metrics.responses[status_class].fetch_add(1, std::memory_order_relaxed);
        metrics.duration[status_class].observe(record.total);
        if (answered) metrics.invocation[status_class].observe(record.pod_time);
        metrics.bytes_in.fetch_add(record.bytes_in, std::memory_order_relaxed);
        metrics.bytes_out.fetch_add(record.bytes_out, std::memory_order_relaxed);
        if (visit.key && record.refusal == Refusal::key_limit)
            visit.key->over_limit.fetch_add(1, std::memory_order_relaxed);
        if (record.refusal)
            metrics.refused[static_cast<std::size_t>(*record.refusal)].fetch_add(1,
                                                                                 std::memory_order_relaxed);
        const bool had_a_slot = std::string_view("GJW").find(record.request_class) != std::string_view::npos;
        if (had_a_slot && answered) {
            metrics.queue_wait.observe(record.queue);
            metrics.cold_wait.observe(record.cold);
            metrics.pod_time.observe(record.pod_time);
            metrics.generation.observe(record.total);
            metrics.generation_fine.observe(record.total);
        }
        if (had_a_slot) worker_.shared().generations.add(generation(record));
    }
    worker_.shared().access_log.write(record);
}

}  // namespace proxy
