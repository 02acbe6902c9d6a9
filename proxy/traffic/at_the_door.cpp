// What a connection goes by because of the listener that it came through: PROXY header and TLS before the
// first request, then which requests may come this way.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/socket.h>

#include <boost/asio.hpp>

#include "proxy/log.hpp"
#include "proxy/tls/names.hpp"
#include "proxy/traffic/client_address.hpp"
#include "proxy/traffic/connection.hpp"
#include "proxy/traffic/proxy_header.hpp"
#include "proxy/traffic/text.hpp"
#include "proxy/traffic/visit.hpp"
#include "router/routes.hpp"

namespace proxy {

namespace {

using boost::system::error_code;

struct Introduction {
    std::string wrong;  // empty: it was said
    std::optional<asio::ip::address> client;
};

// Looks before it takes, so that not one octet of what follows is taken: TLS reads from the socket itself.
asio::awaitable<Introduction> read_proxy_header(Stream& stream, TimePoint deadline) {
    Introduction introduction;
    std::string octets;
    std::array<char, 512> looked;
    for (;;) {
        error_code error;
        const auto seen = stream.socket().read_some(looked, error, MSG_PEEK);
        if (error == asio::error::would_block) {
            error = co_await stream.readable(deadline);
            if (!error) continue;
        }
        if (error) {
            introduction.wrong = error == asio::error::timed_out ? "it took too long" : error.message();
            co_return introduction;
        }
        const auto before = octets.size();
        octets.append(looked.data(), seen);
        const auto parsed = parse_proxy_header(octets);
        if (const auto* malformed = std::get_if<ProxyHeaderMalformed>(&parsed)) {
            introduction.wrong = malformed->reason;
            co_return introduction;
        }
        const auto* header = std::get_if<ProxyHeader>(&parsed);
        const auto taken = header != nullptr ? header->length - before : seen;
        stream.socket().read_some(std::span(looked.data(), taken), error);
        if (header == nullptr) continue;
        introduction.client = header->client;
        co_return introduction;
    }
}

}  // namespace

asio::awaitable<bool> Connection::greet() {
    const auto& door = arrival_.door;
    if (!door) co_return true;
    const auto deadline = Clock::now() + worker_.routing()->timeouts.handshake;
    auto& counters = worker_.shared().door;
    if (door->proxy_protocol) {
        auto said = Introduction{};
        if (worker_.routing()->trusts(arrival_.address))
            said = co_await read_proxy_header(stream_, deadline);
        else
            said.wrong = "it is not in spec.trustedProxies";
        if (!said.wrong.empty()) {
            ++counters.proxy_headers_refused;
            log_of(LogOf::proxy)
                .about({{"client", arrival_.peer}})
                .debug("a connection from {} was closed at its PROXY header: {}", arrival_.peer, said.wrong);
            co_return false;
        }
        if (said.client) {
            arrival_.address = *said.client, arrival_.peer = said.client->to_string();
            if (!take_place()) co_return false;
        }
    }
    if (!door->tls) co_return true;
    const auto trouble = co_await stream_.handshake(door->tls, deadline);
    if (!trouble.empty()) {
        ++counters.handshake_failures;
        log_of(LogOf::tls)
            .about({{"client", arrival_.peer}})
            .debug("the TLS handshake of {} failed: {}", arrival_.peer, trouble);
        co_return false;
    }
    arrival_.tls = stream_.tls_session();
    ++counters.handshakes;
    if (arrival_.tls->resumed()) ++counters.resumed;
    if (door->forward_client_certificate) arrival_.certificate = arrival_.tls->client_certificate();
    co_return true;
}

// RFC 9110 section 7.4: the connection was made with somebody, and requests for others do not belong on it.
std::optional<std::string> Visit::misdirected(const RequestHead& request) const {
    if (request.scheme() == RequestHead::Scheme::https && arrival_.tls == nullptr &&
        !worker_.routing()->trusts(arrival_.address))
        return "The request is for an https URL, and this connection is not encrypted.";
    if (arrival_.tls == nullptr) return std::nullopt;
    if (request.scheme() == RequestHead::Scheme::http)
        return "The request is for an http URL, and this connection is encrypted.";
    const auto host = router::normalize_host(request.host());
    const auto& names = arrival_.tls->names();
    if (covers(names, host)) return std::nullopt;
    return fmt::format(
        "The certificate of this connection is not for '{}' but for {}. Connect with the host's name.", host,
        names.empty() ? "no name at all" : fmt::format("{}", fmt::join(names, ", ")));
}

std::optional<std::string> Visit::moved_to_https(const RequestHead& request) const {
    if (!arrival_.door || !arrival_.door->https_port || arrival_.tls != nullptr) return std::nullopt;
    const bool trusted = routing_->trusts(arrival_.address);
    if (trusted && same_name(request.first("X-Forwarded-Proto"), "https")) return std::nullopt;  // it was
    const auto host = router::normalize_host(request.host());
    if (host.empty()) return std::nullopt;
    const auto port =
        *arrival_.door->https_port == 443 ? std::string{} : fmt::format(":{}", *arrival_.door->https_port);
    const auto path = request.target() == "*" ? std::string_view("/") : request.target();
    return fmt::format(
        "HTTP/1.1 308 Permanent Redirect\r\nDate: {}\r\nLocation: https://{}{}{}\r\nContent-Length: 0\r\n"
        "X-Request-Id: {}\r\n{}\r\n",
        http_date(), host, port, path, record_.request_id, keep_alive_ ? "" : "Connection: close\r\n");
}

void Visit::find_client(const RequestHead& request) {
    address_ = arrival_.peer;
    const auto& routing = *routing_;
    if (routing.trusts(arrival_.address))
        address_ = client_behind(arrival_.address, request, [&](const auto& address) {
                       return routing.trusts(address);
                   }).to_string();
    record_.client = address_;
}

std::string_view Visit::door_fields() const {
    return arrival_.door ? std::string_view(arrival_.door->fields) : std::string_view{};
}

}  // namespace proxy
