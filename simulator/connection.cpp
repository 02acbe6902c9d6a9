// One connection of a simulated pod: requests in, answers out, one after the other.
#include <sys/socket.h>

#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/json.hpp>
#include <cstdio>

#include "simulator/encode.hpp"
#include "simulator/login.hpp"
#include "simulator/query.hpp"
#include "simulator/routing.hpp"
#include "simulator/server.hpp"
#include "simulator/sse_wire.hpp"
#include "simulator/websocket.hpp"
#include "simulator/wire.hpp"

namespace simulator {

namespace beast = boost::beast;
using asio::as_tuple;
using asio::use_awaitable;
using Request = http::request<http::string_body>;

namespace {

constexpr std::uint64_t most_body = 256u << 20;
constexpr std::uint32_t most_head = 64 * 1024;
constexpr std::chrono::seconds head_time{60}, body_time{600}, fault_time{600};

std::string_view view(beast::string_view text) {
    return {text.data(), text.size()};
}

bool sent_credentials(std::string_view header, const std::string& expected) {
    constexpr std::string_view scheme = "Basic ";
    return header.starts_with(scheme) && header.substr(scheme.size()) == base64(expected);
}

// Sees a client leave while its request is worked on. The kernel says so before anything is written to it;
// bytes that come instead are the next request, and end the watch.
struct Watch {
    asio::cancellation_signal stop;
    bool over = false;
    std::shared_ptr<bool> gone = std::make_shared<bool>(false);

    // `noticed` is called when it has gone; it must not outlive what it names.
    static std::shared_ptr<Watch> begin(tcp::socket& socket, std::function<void()> noticed = {}) {
        auto watch = std::make_shared<Watch>();
        socket.async_wait(
            tcp::socket::wait_read,
            asio::bind_cancellation_slot(watch->stop.slot(), [watch, &socket, noticed = std::move(noticed)](
                                                                 boost::system::error_code error) {
                if (watch->over || error) return;
                char byte = 0;
                const auto got = ::recv(socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
                *watch->gone = got == 0 || (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK);
                if (*watch->gone && noticed) noticed();
            }));
        return watch;
    }
    void end() {
        over = true;
        stop.emit(asio::cancellation_type::all);
    }
};

// Whether the GPU works behind the answer rather than before it.
bool behind(const Route& route) {
    return route.request_class == 'J';
}

}  // namespace

class Connection {
public:
    Connection(Server& server, tcp::socket socket)
        : server_(server), pod_(server.pod_), stream_(std::move(socket)) {
        server_.sockets_.insert(&stream_.socket());
        ++pod_.connections;
        ++pod_.stats.connections;
        boost::system::error_code ignored;
        stream_.socket().set_option(tcp::no_delay(true), ignored);
    }
    ~Connection() {
        server_.sockets_.erase(&stream_.socket());
        --pod_.connections;
    }
    Connection(const Connection&) = delete;

    asio::awaitable<void> serve() {
        if (pod_.faults.strike(FaultKind::deaf, "", false)) {
            asio::steady_timer timer(server_.context_, fault_time);
            co_await timer.async_wait(as_tuple(use_awaitable));
            co_return;
        }
        for (bool reused = false; co_await exchange(reused); reused = true) {
        }
        boost::system::error_code ignored;
        stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
    }

private:
    // One request and its answer; false: it was the last.
    asio::awaitable<bool> exchange(bool reused) {
        http::request_parser<http::string_body> parser;
        parser.body_limit(most_body);
        parser.header_limit(most_head);
        if (reused)
            stream_.expires_after(
                std::chrono::duration_cast<Duration>(std::chrono::duration<double>(pod_.options.keep_alive)));
        else
            stream_.expires_after(head_time);
        auto [head_error, head_size] =
            co_await http::async_read_header(stream_, buffer_, parser, as_tuple(use_awaitable));
        if (head_error) co_return co_await give_up(head_error);

        const std::string target(view(parser.get().target()));
        const std::string path = target.substr(0, target.find('?'));
        const bool is_stub = path.starts_with("/stub/");
        const auto routes = is_stub ? stub_routes() : server_.dialect_.routes;
        std::string_view local = path;
        if (const auto also = server_.dialect_.also_under; !is_stub && !also.empty() &&
                                                           local.starts_with(also) &&
                                                           local.substr(also.size()).starts_with('/'))
            local.remove_prefix(also.size());
        const Matched matched = match(routes, parser.get().method(), local);
        const bool generation =
            matched.route && (matched.route->request_class == 'G' || behind(*matched.route));
        if (reused && !is_stub && pod_.faults.strike(FaultKind::close, path, generation)) {
            boost::system::error_code ignored;
            stream_.socket().set_option(asio::socket_base::linger(true, 0), ignored);
            stream_.socket().close(ignored);
            co_return false;
        }

        std::optional<InFlight> counted(std::in_place, pod_, !is_stub);
        if (beast::iequals(parser.get()[http::field::expect], "100-continue")) {
            static constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
            stream_.expires_after(head_time);
            auto [error, sent] =
                co_await asio::async_write(stream_, asio::buffer(go_on), as_tuple(use_awaitable));
            if (error) co_return false;
        }
        stream_.expires_after(body_time);
        auto [body_error, body_size] =
            co_await http::async_read(stream_, buffer_, parser, as_tuple(use_awaitable));
        if (body_error) co_return co_await give_up(body_error);
        stream_.expires_never();

        const Request request = parser.release();
        const TimePoint arrived = Clock::now();
        if (!is_stub) saw(request, path, matched.route);

        Call call;
        call.method = request.method();
        call.path = local;
        if (const auto mark = target.find('?'); mark != std::string::npos)
            call.query = std::string_view(target).substr(mark + 1);
        call.body = request.body();
        call.host = view(request[http::field::host]);
        call.range = view(request[http::field::range]);
        call.cookies = view(request[http::field::cookie]);
        call.origin = view(request[http::field::origin]);
        call.type = view(request[http::field::content_type]);
        call.forwarded_host = view(request["X-Forwarded-Host"]);
        call.forwarded_proto = view(request["X-Forwarded-Proto"]);
        call.accepts_gzip =
            view(request[http::field::accept_encoding]).find("gzip") != std::string_view::npos;
        call.now = arrived;

        if (!is_stub && server_.dialect_.own_host_only && is_foreign_origin(call.host, call.origin)) {
            Reply forbidden;
            forbidden.status = http::status::forbidden;
            forbidden.type = "text/plain; charset=utf-8";
            co_return co_await answer(request, call, std::move(forbidden), is_stub, generation);
        }
        if (matched.route && std::holds_alternative<Socket>(matched.route->handler) &&
            beast::websocket::is_upgrade(request)) {
            counted.reset();
            Reply answered;
            answered.status = co_await upgrade(*matched.route, call, request);
            log(request, path, answered, arrived);
            co_return false;
        }

        // Whether the middlewares of /sdapi were there is decided when the request comes.
        bool mounted = !is_stub && pod_.startup.stage(arrived) == Stage::mounted;
        Reply reply;
        if (matched.route && (mounted || is_stub || matched.route->mounted == Mounted::from_the_start)) {
            if (generation && pod_.faults.strike(FaultKind::not_found, path, generation)) {
                mounted = false;
                reply = Reply::detail(http::status::not_found, "Not Found");
            } else {
                reply = co_await handle(*matched.route, call, request);
            }
        } else {
            if (!is_stub && pod_.startup.stage(arrived) == Stage::fragile) server_.die_(1);
            if (mounted || is_stub)
                reply = unrouted(routes, matched, call);
            else
                reply = Reply::detail(http::status::not_found, "Not Found");
        }
        if (reply.close) co_return false;

        if (mounted && server_.dialect_.says_process_time) {
            char text[32];
            const double took = std::chrono::duration<double>(Clock::now() - arrived).count();
            std::snprintf(text, sizeof text, "%.4f", took);
            reply.headers.emplace_back("x-process-time", text);
        }
        log(request, path, reply, arrived);
        if (reply.events) co_return co_await stream_events(request, call, std::move(reply));
        co_return co_await answer(request, call, std::move(reply), is_stub, generation);
    }

    struct InFlight {
        InFlight(Pod& pod, bool counts) : pod_(pod), counts_(counts) {
            if (!counts_) return;
            ++pod_.in_flight;
            pod_.stats.http_max = std::max(pod_.stats.http_max, pod_.in_flight);
        }
        ~InFlight() {
            if (counts_) --pod_.in_flight;
        }
        InFlight(const InFlight&) = delete;
        Pod& pod_;
        bool counts_;
    };

    struct OpenStream {
        explicit OpenStream(Pod& pod) : pod_(pod) {
            pod_.stats.sse_max = std::max(pod_.stats.sse_max, ++pod_.event_streams);
        }
        ~OpenStream() { --pod_.event_streams; }
        OpenStream(const OpenStream&) = delete;
        Pod& pod_;
    };

    struct Thread {  // given back however the request ends
        explicit Thread(Server* server) : server_(server) {}
        ~Thread() {
            if (server_) server_->free_thread();
        }
        Thread(const Thread&) = delete;
        Server* server_;
    };

    void saw(const Request& request, const std::string& path, const Route* route) {
        Stats& stats = pod_.stats;
        ++stats.requests;
        Stats::count(stats.by_path, path);
        Stats::count(stats.by_class, route ? std::string(1, route->request_class) : "none");
        for (auto [field, end] = request.equal_range(http::field::cookie); field != end; ++field)
            stats.saw_cookies(view(field->value()));
        stats.last_activity_ms = pod_.epoch_ms(Clock::now());
    }

    asio::awaitable<Reply> handle(const Route& route, Call call, const Request& request) {
        if (pod_.startup.stage(call.now) == Stage::fragile && route.request_class != '-') server_.die_(1);
        if (!pod_.options.auth.empty() && call.path.starts_with("/sdapi/")) {
            const std::string_view sent = view(request[http::field::authorization]);
            if (!sent_credentials(sent, pod_.options.auth)) {
                Reply denied =
                    Reply::detail(http::status::unauthorized,
                                  sent.empty() ? "Not authenticated" : "Incorrect username or password");
                denied.headers.emplace_back("WWW-Authenticate", "Basic");
                co_return denied;
            }
        }
        const auto watch = Watch::begin(stream_.socket());
        if (route.threaded) co_await server_.take_thread();
        const Thread thread(route.threaded ? &server_ : nullptr);
        call.now = Clock::now();
        Reply reply;
        if (std::holds_alternative<Socket>(route.handler)) {
            reply = Reply::detail(http::status::not_found, "Not Found");  // starlette: no such HTTP route
        } else if (const Light* light = std::get_if<Light>(&route.handler)) {
            reply = co_await handle_light(*light, route, call);
        } else {
            auto made = std::get<Heavy>(route.handler)(pod_, call);
            if (Job* job = std::get_if<Job>(&made))
                reply = co_await server_.generate(std::move(*job), call, watch->gone);
            else
                reply = std::get<Reply>(std::move(made));
        }
        // uvicorn drops the connection when its client shuts it; the work has gone on to its end all the
        // same.
        reply.close = *watch->gone;
        if (reply.close) ++pod_.stats.aborted;
        watch->end();
        co_return reply;
    }

    struct OpenSocket {  // counted, and within reach of a crash
        OpenSocket(Server& server, WebSocket& socket) : server_(server), socket_(&socket.socket()) {
            Pod& pod = server_.pod_;
            server_.sockets_.insert(socket_);
            pod.stats.ws_max = std::max(pod.stats.ws_max, ++pod.websockets);
        }
        ~OpenSocket() {
            server_.sockets_.erase(socket_);
            --server_.pod_.websockets;
        }
        OpenSocket(const OpenSocket&) = delete;
        Server& server_;
        tcp::socket* socket_;
    };

    // A WebSocket from its handshake to its end; what the handshake was answered with. A fault with its path
    // strikes before that.
    asio::awaitable<http::status> upgrade(const Route& route, const Call& call, const Request& request) {
        if (pod_.startup.stage(call.now) == Stage::fragile) server_.die_(1);
        if (pod_.faults.strike(FaultKind::crash, call.path, false)) server_.crash();
        if (pod_.faults.strike(FaultKind::hang, call.path, false)) co_await hang();
        const bool refused =
            !logged_in(pod_, call) || pod_.faults.strike(FaultKind::not_found, call.path, false);
        if (refused || pod_.faults.strike(FaultKind::error, call.path, false)) {
            const auto status = refused ? http::status::forbidden : http::status::internal_server_error;
            Reply reply = Reply::detail(status, "Forbidden");
            co_await answer(request, call, std::move(reply), true, false);
            co_return status;
        }
        const auto socket = std::make_shared<WebSocket>(stream_.release_socket());
        const OpenSocket opened(server_, *socket);
        const WebSocket::Headers headers{{"Server", "uvicorn"}, {"x-stub-pod", pod_.options.id}};
        if (!co_await socket->accept(request, headers)) co_return http::status::bad_request;
        co_await std::get<Socket>(route.handler)(server_, *socket, call);
        if (socket->open()) ++pod_.stats.served;
        co_await socket->close();
        co_return http::status::switching_protocols;
    }

    asio::awaitable<void> hang() {
        asio::steady_timer timer(server_.context_);
        for (auto until = Clock::now() + fault_time;
             Clock::now() < until && pod_.faults.has(FaultKind::hang);) {
            timer.expires_after(hang_look);
            co_await timer.async_wait(as_tuple(use_awaitable));
        }
    }

    asio::awaitable<Reply> handle_light(Light light, const Route& route, Call call) {
        // A job's faults strike where it runs, behind this answer.
        const bool exempt = route.request_class == '-' || behind(route);
        if (!exempt && pod_.faults.strike(FaultKind::crash, call.path, false)) server_.crash();
        if (!exempt && pod_.faults.strike(FaultKind::error, call.path, false))
            co_return Reply::detail(http::status::internal_server_error, "Internal Server Error");
        if (!exempt && pod_.faults.strike(FaultKind::hang, call.path, false)) co_await hang();
        Reply reply = light(pod_, call);
        if (call.method == http::verb::post) server_.gpu_bell_.ring();  // it may have been an interrupt
        co_return reply;
    }

    asio::awaitable<bool> answer(const Request& request, const Call& call, Reply reply, bool is_stub,
                                 bool generation) {
        if (!reply.compressed && pod_.options.gzip && call.accepts_gzip && reply.body.size() >= gzip_from &&
            reply.status != http::status::partial_content) {
            reply.body = gzip(reply.body);
            reply.compressed = true;
        }
        Response response(reply.status, request.version());
        response.set(http::field::server, "uvicorn");
        response.set(http::field::content_type, reply.type);
        response.set("x-stub-pod", pod_.options.id);
        for (const auto& [name, value] : reply.headers) response.insert(name, value);
        if (reply.compressed) {
            response.set(http::field::content_encoding, "gzip");
            response.set(http::field::vary, "Accept-Encoding");
        }
        response.content_length(reply.body.size());
        response.keep_alive(request.keep_alive());
        const bool keeps = request.keep_alive();
        if (request.method() != http::verb::head) response.body() = std::move(reply.body);

        std::optional<Fault> drip, truncate;
        bool half_closes = false;
        if (!is_stub) {
            drip = pod_.faults.strike(FaultKind::drip, call.path, generation);
            truncate = pod_.faults.strike(FaultKind::truncate, call.path, generation);
            half_closes = pod_.faults.strike(FaultKind::half_close, call.path, generation).has_value();
        }
        const bool sent = drip || truncate ? co_await send_badly(stream_, response, drip, truncate)
                                           : co_await send(stream_, response);
        if (!is_stub) ++(sent ? pod_.stats.served : pod_.stats.aborted);
        if (sent && half_closes) {
            co_await only_receive(stream_);
            co_return false;
        }
        co_return sent&& keeps && !truncate;
    }

    // An answer that goes on as long as its source has something to say and the client is there.
    asio::awaitable<bool> stream_events(const Request& request, const Call& call, Reply reply) {
        const auto source = std::move(reply.events);
        const bool gzipped = pod_.options.sse_gzip && call.accepts_gzip;
        http::response<http::empty_body> head(reply.status, request.version());
        head.set(http::field::server, "uvicorn");
        head.set(http::field::content_type, "text/event-stream; charset=utf-8");
        head.set(http::field::cache_control, "no-cache");
        head.set("x-stub-pod", pod_.options.id);
        for (const auto& [name, value] : reply.headers) head.set(name, value);
        if (gzipped) {
            head.set(http::field::content_encoding, "gzip");
            head.set(http::field::vary, "Accept-Encoding");
        }
        head.chunked(true);
        head.keep_alive(request.keep_alive());
        const OpenStream counted(pod_);
        const auto watch = Watch::begin(stream_.socket(), pod_.changed);
        const bool sent =
            co_await send_chunks(stream_, head, *source, watch->gone, gzipped, server_.gpu_bell_);
        watch->end();
        ++(sent ? pod_.stats.served : pod_.stats.aborted);
        co_return sent&& request.keep_alive();
    }

    // After a request that could not be read: says why where uvicorn would.
    asio::awaitable<bool> give_up(boost::system::error_code error) {
        const bool too_large = error == http::error::body_limit;
        const bool wire = error == http::error::end_of_stream || error == beast::error::timeout ||
                          error.category() != http::make_error_code(http::error::end_of_stream).category() ||
                          error == http::error::partial_message;
        if (wire) co_return false;
        Response response(too_large ? http::status::payload_too_large : http::status::bad_request, 11);
        response.set(http::field::content_type, "text/plain; charset=utf-8");
        response.set("x-stub-pod", pod_.options.id);
        response.body() = too_large ? "Request body is too large." : "Invalid HTTP request received.";
        response.keep_alive(false);
        response.prepare_payload();
        co_await send(stream_, response);
        co_return false;
    }

    void log(const Request& request, const std::string& path, const Reply& reply, TimePoint arrived) {
        if (pod_.options.log.empty()) return;
        const boost::json::object line{
            {"time", pod_.epoch_ms(arrived)},
            {"pod", pod_.options.id},
            {"method", view(request.method_string())},
            {"path", path},
            {"status", static_cast<unsigned>(reply.status)},
            {"ms", std::chrono::duration<double, std::milli>(Clock::now() - arrived).count()}};
        server_.write_log(boost::json::serialize(line) + "\n");
    }

    Server& server_;
    Pod& pod_;
    beast::tcp_stream stream_;
    beast::flat_buffer buffer_;
};

asio::awaitable<void> serve_connection(Server& server, tcp::socket socket) {
    Connection connection(server, std::move(socket));
    co_await connection.serve();
}

}  // namespace simulator
