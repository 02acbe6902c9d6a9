#include "admin/connection.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/asio.hpp>
#include <boost/beast/http.hpp>
#include <boost/uuid/random_generator.hpp>
#include <boost/uuid/uuid_io.hpp>

#include "admin/host.hpp"
#include "admin/log_levels.hpp"
#include "admin/write.hpp"
#include "proxy/awaited.hpp"
#include "proxy/log.hpp"

namespace admin {
namespace {

namespace http = boost::beast::http;

constexpr std::string_view no_bodies = "a GET with a body is not served here";
const std::string default_policy = "default-src 'none'; frame-ancestors 'none'";
using proxy::awaited;

// RFC 7234 section 5.5. Long ones are cut, as Kubernetes' API server does.
std::string warning_field(std::string_view text) {
    std::string out = "299 - \"";
    for (const char c : text.substr(0, 1000)) {
        if (c == '"' || c == '\\') out += '\\';
        out += static_cast<unsigned char>(c) < ' ' || c == 0x7f ? ' ' : c;
    }
    return out + '"';
}

std::string head_of(const http::response_header<>& response) {
    return fmt::format("HTTP/{}.{} {} {}\r\n", response.version() / 10, response.version() % 10,
                       response.result_int(), std::string_view(response.reason())) +
           proxy::lines_of(response);
}

// What the client has shown and the authorities vouch for; null: nothing.
proxy::OpenSsl<X509> certificate_of(const SSL* ssl) {
    if (SSL_get_verify_result(ssl) != X509_V_OK) return nullptr;
    return proxy::OpenSsl<X509>(SSL_get1_peer_certificate(ssl));
}

// What to say about a head that could not be read; empty: nobody is there to hear it.
std::optional<Answer> complaint_about(boost::system::error_code error) {
    static const auto& http_errors = http::make_error_code(http::error::bad_target).category();
    if (error == http::error::header_limit || error == http::error::buffer_overflow)
        return refuse(431, "RequestHeaderFieldsTooLarge", "the request's head is too large");
    if (error == http::error::body_limit)
        return refuse(413, "RequestEntityTooLarge", "the request's body is too large: 1 MiB at most");
    if (error.category() != http_errors || error == http::error::end_of_stream ||
        error == http::error::partial_message)
        return std::nullopt;
    return refuse(400, "BadRequest", "the request is not HTTP as it should be");
}

}  // namespace

void Server::Core::refresh() {
    if (auto last = source.snapshot()) snapshot = std::move(last);
    store.update(*snapshot);
}

Connection::Connection(std::shared_ptr<Server::Core> core, asio::ip::tcp::socket socket)
    : core_(std::move(core)),
      guard_(core_->settings.guard),
      stream_(boost::beast::tcp_stream(std::move(socket))),
      number_(++core_->last_number),
      buffer_(core_->settings.head_bytes),
      changed_(stream_.get_executor()) {
    if (guard_->tls) stream_.secure_as_server(guard_->tls->context());
    core_->connections.insert(this);
    boost::system::error_code ignored;
    stream_.socket().set_option(asio::socket_base::keep_alive(true),
                                ignored);  // a watch's client may vanish silently
    stream_.socket().set_option(asio::ip::tcp::no_delay(true), ignored);
    const auto peer = stream_.socket().remote_endpoint(ignored);
    if (!ignored) peer_ = fmt::format("{} port {}", peer.address().to_string(), peer.port());
}

Connection::~Connection() {
    core_->connections.erase(this);
}

void Connection::start() {
    asio::co_spawn(stream_.get_executor(), run(shared_from_this()), asio::detached);
}

void Connection::wake() {
    changed_.cancel();
}

void Connection::ask_again() {
    if (!admitted_ || admitted_()) return;
    gone_ = true;
    wake();
}

bool Connection::stranger() const {
    return !known_ && !core_->settings.guard->access.open();
}

void Connection::let_go() {
    stream_.close();
}

void Connection::stop() {
    if (reading_) stream_.cancel();
    wake();
}

void Connection::close() {
    boost::system::error_code ignored;
    stream_.socket().shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
    stream_.close();
}

asio::awaitable<void> Connection::run(std::shared_ptr<Connection> self) {
    try {
        for (bool more = co_await self->shake_hands(); more && !self->core_->stopping;) {
            Parser parser;
            more = co_await self->read_head(parser);
            const auto step = more ? co_await self->admit(parser.get()) : Step::end;
            more = step != Step::end;
            if (step != Step::respond) continue;
            more = co_await self->read_body(parser);
            if (more) more = co_await self->respond(parser.get());
        }
    } catch (const std::exception& error) {
        log_of(proxy::LogOf::admin)
            .about({{"client", self->peer_}})
            .error(
                "the connection of {} ended by an exception (a fault of the gateway, please report it): {}",
                self->peer_, error.what());
    }
    if (self->unread_)
        co_await self->let_finish();
    else
        co_await self->end();
    self->close();
}

// Whoever is still sending reads the answer only if its connection does not break at once (RFC 9112
// section 9.6).
asio::awaitable<void> Connection::let_finish() {
    constexpr std::size_t most = 4 << 20;
    boost::system::error_code ignored;
    stream_.socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
    stream_.expires_after(std::chrono::seconds(2));
    std::array<char, 16 << 10> room{};
    const auto into = asio::buffer(room);
    for (std::size_t taken = 0; taken < most;) {
        const auto some = co_await stream_.read_some(into);
        if (some.error) co_return;
        taken += some.octets;
    }
}

// Who knows nothing of TLS, or is not vouched for, learns it from the handshake.
asio::awaitable<bool> Connection::shake_hands() {
    if (!stream_.secure()) co_return true;
    stream_.expires_after(core_->settings.head);
    if (const auto error = co_await stream_.handshake()) {
        log_of(proxy::LogOf::admin)
            .about({{"client", peer_}})
            .debug("the TLS handshake of {} failed: {}", peer_, error.message());
        co_return false;
    }
    certificate_ = common_name(certificate_of(stream_.ssl()).get());
    co_return true;
}

// Over TLS an end must be said. A stream's reader is still under way, and its last piece has said it.
asio::awaitable<void> Connection::end() {
    constexpr std::chrono::seconds patience{1};
    if (!stream_.secure() || admitted_ || !stream_.socket().is_open()) co_return;
    stream_.expires_after(patience);
    co_await stream_.end();
}

// False: the connection is of no more use.
asio::awaitable<bool> Connection::read_head(Parser& parser) {
    const auto& settings = core_->settings;
    parser.body_limit(settings.body_bytes);
    parser.header_limit(static_cast<std::uint32_t>(settings.head_bytes));
    reading_ = true;
    if (buffer_.size() == 0) {
        stream_.expires_after(settings.idle);
        const auto room = buffer_.prepare(std::min<std::size_t>(settings.head_bytes, 4096));
        const auto some = co_await stream_.read_some(room);
        buffer_.commit(some.octets);
        if (some.error) co_return false;
    }
    stream_.expires_after(settings.head);
    const auto error = co_await stream_.read(buffer_, parser, proxy::AnyStream::Until::head_done);
    reading_ = false;
    if (!error) co_return true;
    if (auto complaint = complaint_about(error)) {
        unread_ = error == http::error::body_limit;
        co_await write(std::move(*complaint), 11, false, false);
    }
    co_return false;
}

// What comes after the head, of whoever was let in. False: the connection is of no more use.
asio::awaitable<bool> Connection::read_body(Parser& parser) {
    const auto& head = parser.get();
    if (parser.is_done()) co_return true;
    stream_.expires_after(core_->settings.body);
    if (boost::beast::iequals(head[http::field::expect], "100-continue")) {
        static constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
        co_await stream_.write(go_on);
    }
    const auto error = co_await stream_.read(buffer_, parser, proxy::AnyStream::Until::done);
    if (!error) co_return true;
    if (auto complaint = complaint_about(error)) {
        unread_ = error == http::error::body_limit;
        tell(head, {}, *complaint);
        co_await write(std::move(*complaint), 11, false, false);
    }
    co_return false;
}

// What is wrong with a request before it is looked at.
std::optional<Answer> Connection::objection(const Parser::value_type& request) const {
    const auto hosts = request.count(http::field::host);
    if (hosts > 1 || (hosts == 0 && request.version() >= 11))
        return refuse(400, "BadRequest", "a request needs one Host header");
    if (hosts == 1 && !host_allowed(request[http::field::host], core_->settings.guard->hosts))
        return refuse(421, "MisdirectedRequest",
                      "this host name is not the gateway's: use its IP address or localhost");
    const bool changes = request.method() != http::verb::get && request.method() != http::verb::head;
    if (request.count(http::field::content_encoding) > 0 &&
        request[http::field::content_encoding] != "identity")
        return refuse(415, "UnsupportedMediaType", "bodies are taken as they are, not compressed");
    if (!changes &&
        (request.chunked() || (request.has_content_length() && request[http::field::content_length] != "0")))
        return refuse(413, "RequestEntityTooLarge", no_bodies);
    return std::nullopt;
}

Entry Connection::entry_of(const Parser::value_type& request) const {
    Entry entry;
    entry.method = request.method_string();
    entry.path = path_of(request.target());
    entry.host = request[http::field::host];
    entry.origin = request[http::field::origin];
    entry.site = request["Sec-Fetch-Site"];
    entry.secure = stream_.secure();
    entry.claims = claims_of(request[http::field::authorization], request.count(http::field::authorization),
                             request[http::field::cookie]);
    if (certificate_ && guard_->authority == core_->settings.guard->authority)
        entry.claims.certificate = certificate_;
    return entry;
}

// Of a stream that begins now: whether it would still be let in.
std::function<bool()> Connection::still_admitted(const Entry& entry) const {
    return [this, claims = entry.claims, path = std::string(entry.path)]() mutable {
        if (guard_->authority != core_->settings.guard->authority) claims.certificate.reset();
        const auto now = std::chrono::steady_clock::now();
        const auto admitted =
            admin::admit(core_->settings.guard->access, core_->sessions, claims, "GET", path, now);
        return std::holds_alternative<Who>(admitted);
    };
}

// Every change has its line, and so has everybody who shows a wrong token.
void Connection::tell(const Parser::value_type& request, std::string_view body, const Answer& answer) {
    const bool reads = request.method() == http::verb::get || request.method() == http::verb::head;
    const bool wrong_token = answer.status == 401 && request.count(http::field::authorization) > 0;
    if (reads && !wrong_token) return;
    Deed deed{who_,
              peer_,
              request.method_string(),
              request.target(),
              request[http::field::content_type],
              body,
              request[http::field::user_agent],
              answer.status,
              answer.body};
    core_->audit.tell(deed, std::chrono::steady_clock::now(), std::chrono::system_clock::now());
}

// Before anything else of it is read: whether it is a request for us, and of whom.
asio::awaitable<Connection::Step> Connection::admit(const Parser::value_type& request) {
    const bool head_only = request.method() == http::verb::head;
    auto wrong = objection(request);
    const auto entry = entry_of(request);
    Entered entered{{}, std::move(wrong)};
    if (!entered.instead)
        entered = enter(*core_->settings.guard, core_->sessions, entry, std::chrono::steady_clock::now());
    who_ = entered.who;
    known_ = known_ || who_.by != Who::By::nobody;
    if (!entered.instead) co_return Step::respond;
    tell(request, {}, *entered.instead);
    const bool body = request.chunked() || !request[http::field::content_length].empty();
    const bool stays =
        entered.instead->status == 200 && request.keep_alive() &&
        (!body || request[http::field::content_length] == "0");  // or it would be the next request
    unread_ = body && !stays;
    const bool written = co_await write(std::move(*entered.instead), request.version(), stays, head_only);
    co_return written ? Step::next : Step::end;
}

asio::awaitable<bool> Connection::respond(const Parser::value_type& request) {
    const bool head_only = request.method() == http::verb::head;
    const unsigned version = request.version();
    const auto entry = entry_of(request);
    core_->refresh();
    Request asked{std::string(request.method_string()), std::string(request.target()),
                  std::string(request[http::field::accept]), std::string(request[http::field::content_type]),
                  request.body()};
    const bool stays = request.keep_alive() && !core_->stopping;
    if (auto page = core_->dashboard.answer(asked, *core_->snapshot)) {
        auto* complete = std::get_if<Answer>(&*page);
        if (complete != nullptr) co_return co_await write(std::move(*complete), version, stays, head_only);
        admitted_ = still_admitted(entry);
        co_return co_await show(version, head_only);
    }
    auto changed = log_levels(asked);
    if (!changed) changed = change(asked);
    if (changed) {
        tell(request, asked.body, *changed);
        co_return co_await write(std::move(*changed), version, stays, head_only);
    }
    auto answered = answer(asked, *core_->snapshot, core_->store, std::chrono::system_clock::now());
    if (auto* complete = std::get_if<Answer>(&answered)) {
        tell(request, asked.body, *complete);
        co_return co_await write(std::move(*complete), version, stays, head_only);
    }
    if (head_only) {
        Answer none{200, "application/json", ""};
        co_return co_await write(std::move(none), version, stays, true);
    }
    admitted_ = still_admitted(entry);
    if (auto* log = std::get_if<LogWish>(&answered)) co_return co_await tell_log(std::move(*log), version);
    co_await follow(std::move(std::get<Following>(answered)), version);
    co_return false;
}

// Empty: the request changes nothing.
std::optional<Answer> Connection::change(const Request& asked) {
    if (core_->source.keeper == nullptr) return std::nullopt;
    const auto snapshot = core_->snapshot;  // as it was when the change was decided
    const auto new_uid = [] { return boost::uuids::to_string(boost::uuids::random_generator()()); };
    const World world{
        *core_->source.keeper,       *snapshot, core_->store, std::chrono::system_clock::now(), new_uid,
        [this] { core_->refresh(); }};
    return admin::change(asked, world);
}

asio::awaitable<bool> Connection::write(Answer answer, unsigned version, bool keep_alive, bool head_only) {
    http::response<http::empty_body> response(http::int_to_status(static_cast<unsigned>(answer.status)),
                                              version);
    response.set(http::field::content_type, answer.content_type);
    response.set(http::field::cache_control, "no-store");
    response.set("X-Content-Type-Options", "nosniff");
    response.set("Content-Security-Policy", answer.policy.empty() ? default_policy : answer.policy);
    response.set("Referrer-Policy", "no-referrer");
    response.set("Cross-Origin-Resource-Policy", "same-origin");
    if (answer.status == 503) response.set(http::field::retry_after, "5");
    if (answer.status == 405) response.set(http::field::allow, "GET, HEAD, POST, PUT, PATCH, DELETE");
    for (const auto& [name, value] : answer.fields) response.set(name, value);
    for (const auto& warning : answer.warnings) response.insert(http::field::warning, warning_field(warning));
    response.keep_alive(keep_alive);
    response.content_length(answer.body.size());
    auto octets = head_of(response);
    if (!head_only) octets += answer.body;
    stream_.expires_after(core_->settings.write);
    const auto error = co_await stream_.write(octets);
    co_return !error && keep_alive;
}

// Ends with the client, the server, the time asked for, or a client that does not read.
asio::awaitable<void> Connection::follow(Following following, unsigned version) {
    using Clock = std::chrono::steady_clock;
    const bool chunked = version >= 11;
    const auto ends = following.limit ? Clock::now() + *following.limit : Clock::time_point::max();
    if (!co_await write_head_of_stream(version, "application/json")) co_return;
    asio::co_spawn(stream_.get_executor(), look_out(shared_from_this()), asio::detached);

    auto last_line = Clock::now();
    while (!gone_ && Clock::now() < ends) {
        auto lines = following.watch.take(core_->store, std::chrono::system_clock::now());
        if (lines.empty() && core_->stopping) break;  // what was published before the end is said before it
        const auto next_bookmark =
            following.bookmarks ? last_line + core_->settings.bookmark : Clock::time_point::max();
        if (lines.empty() && Clock::now() >= next_bookmark) lines = following.watch.bookmark(core_->store);
        if (!lines.empty()) {
            last_line = Clock::now();
            if (!co_await write_piece(std::move(lines), chunked)) co_return;
        } else if (following.watch.ended()) {
            break;
        } else {
            changed_.expires_at(std::min(ends, next_bookmark));
            co_await changed_.async_wait(awaited);
        }
    }
    std::string last;
    if (!gone_ && chunked) co_await write_piece(std::move(last), true);
}

// A dashboard's stream. So many at once, or whoever asks for something else would find no connection left.
asio::awaitable<bool> Connection::show(unsigned version, bool head_only) {
    if (core_->streams >= core_->settings.streams) {
        auto full = refuse(503, "ServiceUnavailable", "too many dashboards are open");
        co_return co_await write(std::move(full), version, false, head_only);
    }
    if (!co_await write_head_of_stream(version, "text/event-stream") || head_only) co_return false;
    asio::co_spawn(stream_.get_executor(), look_out(shared_from_this()), asio::detached);
    ++core_->streams;
    co_await write_frames(version >= 11);
    --core_->streams;
    co_return false;
}

// One frame at a time: whoever reads slowly misses some, and sees that by their numbers. Whoever does not
// read at all is let go.
asio::awaitable<void> Connection::write_frames(bool chunked) {
    auto& dashboard = core_->dashboard;
    for (std::uint64_t told = 0; !gone_ && !core_->stopping;) {
        if (dashboard.frame_number() == told) {
            changed_.expires_at(std::chrono::steady_clock::time_point::max());
            co_await changed_.async_wait(awaited);
            continue;
        }
        told = dashboard.frame_number();
        const auto frame = dashboard.frame(*core_->snapshot);
        std::string piece = *frame;
        if (!co_await write_piece(std::move(piece), chunked)) co_return;
    }
    std::string last;
    if (!gone_ && chunked) co_await write_piece(std::move(last), true);
}

// The one who notices that the client of a silent watch has left: nothing more is expected from it.
asio::awaitable<void> Connection::look_out(std::shared_ptr<Connection> self) {
    std::array<char, 256> ignored{};
    const auto room = asio::buffer(ignored);
    self->stream_.expires_never();  // for this read: a write under way keeps its own deadline
    co_await self->stream_.read_some(room);
    self->gone_ = true;
    self->wake();
}

asio::awaitable<bool> Connection::write_head_of_stream(unsigned version, std::string_view content_type) {
    http::response<http::empty_body> response(http::status::ok, version);
    response.set(http::field::content_type, content_type);
    response.set(http::field::cache_control, "no-store");
    response.set("X-Content-Type-Options", "nosniff");
    response.keep_alive(false);
    response.chunked(version >= 11);
    const auto octets = head_of(response);
    stream_.expires_after(core_->settings.write);
    const auto error = co_await stream_.write(octets);
    co_return !error;
}

// An empty piece is the end.
asio::awaitable<bool> Connection::write_piece(std::string piece, bool chunked) {
    if (chunked) piece = fmt::format("{:x}\r\n{}\r\n", piece.size(), piece);
    stream_.expires_after(core_->settings.write);
    const auto error = co_await stream_.write(piece);
    co_return !error;
}

}  // namespace admin
