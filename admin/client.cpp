#include "admin/client.hpp"

#include <fmt/format.h>

#include <array>
#include <boost/asio.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/json/parse.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <cstdlib>
#include <fstream>
#include <optional>

#include "admin/patch.hpp"
#include "proxy/any_stream.hpp"

namespace admin {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using boost::system::error_code;
using Parser = http::response_parser<http::buffer_body>;
using Until = proxy::AnyStream::Until;

constexpr std::size_t longest_body = 256 << 20, longest_line = 16 << 20;

// One connection, used synchronously: each call is a coroutine that is run to its end.
class Call {
public:
    Call(std::string server, const std::string& host, const std::string& port, bool secure,
         const ClientSettings& settings)
        : server_(std::move(server)), answer_patience_(settings.answer_patience) {
        error_code error;
        asio::ip::tcp::resolver resolver(io_);
        const auto endpoints = resolver.resolve(host, port, error);
        if (error) fail(error);
        stream_.expires_after(settings.connect_patience);
        if ((error = run(stream_.connect(endpoints)))) fail(error);
        if (secure) shake_hands(host, settings);
    }

    void send(const std::string& host, const std::string& target, const std::string& accept,
              const std::string& token, const std::string& method = "GET",
              const std::string& content_type = {}, const std::string& body = {}) {
        auto request =
            fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\nAccept: {}\r\n", method, target, host, accept);
        if (!content_type.empty())
            request += fmt::format("Content-Type: {}\r\nContent-Length: {}\r\n", content_type, body.size());
        if (!token.empty()) request += "Authorization: Bearer " + token + "\r\n";
        request += "User-Agent: pilotlight\r\nConnection: close\r\n\r\n" + body;
        stream_.expires_after(answer_patience_);
        if (const auto error = run(stream_.write(request))) fail(error);
    }

    int receive_head() {
        parser_.body_limit(boost::none);
        stream_.expires_after(answer_patience_);
        if (const auto error = run(stream_.read(buffer_, parser_, Until::head_done))) fail(error);
        return parser_.get().result_int();
    }

    // The next octets of the body; empty: it is complete.
    std::string_view receive(bool patient) {
        while (!parser_.is_done()) {
            auto& body = parser_.get().body();
            body.data = room_.data();
            body.size = room_.size();
            patient ? stream_.expires_never() : stream_.expires_after(answer_patience_);
            const auto error = run(stream_.read(buffer_, parser_, Until::some));
            if (error && error != http::error::need_buffer) fail(error);
            if (const auto octets = room_.size() - body.size; octets > 0) return {room_.data(), octets};
        }
        return {};
    }

private:
    void shake_hands(const std::string& host, const ClientSettings& settings) {
        asio::ssl::context context(asio::ssl::context::tls_client);
        error_code error;
        const auto needs = [&](const std::filesystem::path& file) {
            if (error) throw std::invalid_argument(fmt::format("{}: {}", file.string(), error.message()));
        };
        settings.ca.empty() ? context.set_default_verify_paths(error)
                            : context.load_verify_file(settings.ca.string(), error);
        needs(settings.ca);
        if (!settings.certificate.empty()) {
            context.use_certificate_chain_file(settings.certificate.string(), error);
            needs(settings.certificate);
            context.use_private_key_file(settings.key.string(), asio::ssl::context::pem, error);
            needs(settings.key);
        }
        stream_.secure_as_client_of(host, context.native_handle());
        error = run(stream_.handshake());
        if (!error) return;
        if (const auto why = SSL_get_verify_result(stream_.ssl()); why != X509_V_OK)
            throw Unreachable(fmt::format(
                "the certificate of {} is not believed: {}; name its authority with --ca-file FILE", server_,
                X509_verify_cert_error_string(why)));
        fail(error);
    }

    // To its end.
    error_code run(asio::awaitable<error_code> call) {
        error_code error;
        asio::co_spawn(io_, std::move(call), [&](const std::exception_ptr& thrown, error_code result) {
            if (thrown) std::rethrow_exception(thrown);
            error = result;
        });
        io_.restart();
        io_.run();
        return error;
    }

    [[noreturn]] void fail(error_code error) const {
        if (error == asio::error::connection_refused)
            throw Unreachable(fmt::format(
                "no gateway at {}: connection refused; start one with 'pilotlight serve -f ...'", server_));
        if (error == http::error::end_of_stream || error == http::error::partial_message ||
            error == asio::error::connection_reset || error == asio::ssl::error::stream_truncated ||
            error == asio::error::eof)
            throw Unreachable(fmt::format("the gateway at {} closed the connection", server_));
        if (error == beast::error::timeout)
            throw Unreachable(fmt::format("no answer from {} in time", server_));
        throw Unreachable(fmt::format("no gateway at {}: {}", server_, error.message()));
    }

    std::string server_;
    std::chrono::milliseconds answer_patience_;
    asio::io_context io_;
    proxy::AnyStream stream_{beast::tcp_stream(io_)};
    beast::flat_buffer buffer_;
    Parser parser_;
    std::array<char, 16 << 10> room_{};
};

bool is_loopback(const std::string& host) {
    error_code error;
    const auto address = asio::ip::make_address(host, error);
    return error ? host == "localhost" || host.ends_with(".localhost") : address.is_loopback();
}

Reply whole_reply(Call& call, const std::string& server) {
    Reply out;
    out.status = call.receive_head();
    for (auto piece = call.receive(false); !piece.empty(); piece = call.receive(false)) {
        out.body += piece;
        if (out.body.size() > longest_body)
            throw Unreachable(fmt::format("the answer of {} has no end", server));
    }
    return out;
}

}  // namespace

ClientSettings settings_of_environment() {
    const auto value = [](const char* name) {
        const char* text = std::getenv(name);
        return std::string(text != nullptr ? text : "");
    };
    ClientSettings out;
    out.token = value("PILOTLIGHT_ADMIN_TOKEN");
    if (const auto file = value("PILOTLIGHT_TOKEN_FILE"); !file.empty()) {
        std::ifstream in(file);
        out.token.clear();
        if (!std::getline(in, out.token) || out.token.empty())
            throw std::invalid_argument(fmt::format("{}: there is no token on its first line", file));
    }
    while (!out.token.empty() && std::isspace(static_cast<unsigned char>(out.token.back())))
        out.token.pop_back();
    for (const unsigned char c : out.token)
        if (c <= ' ' || c > '~')
            throw std::invalid_argument("a token has no blanks and no control characters");
    out.ca = value("PILOTLIGHT_CA_FILE");
    out.certificate = value("PILOTLIGHT_CLIENT_CERTIFICATE");
    out.key = value("PILOTLIGHT_CLIENT_KEY");
    if (out.certificate.empty() != out.key.empty())
        throw std::invalid_argument(
            "a client certificate needs its key: --client-certificate and --client-key");
    return out;
}

Client::Client(std::string server, ClientSettings settings)
    : server_(std::move(server)), settings_(std::move(settings)) {
    if (server_.find("://") == std::string::npos) server_ = "http://" + server_;
    const auto url = boost::urls::parse_uri(server_);
    if (url.has_error() || (url->scheme() != "http" && url->scheme() != "https") || url->host().empty() ||
        url->has_userinfo() || (url->encoded_path() != "" && url->encoded_path() != "/"))
        throw std::invalid_argument(
            fmt::format("\"{}\" is no address of a gateway; one looks like http://127.0.0.1:9901", server_));
    secure_ = url->scheme() == "https";
    host_ = url->host_address();
    port_ = url->has_port() ? std::string(url->port()) : secure_ ? "443" : "80";
    authority_ = url->encoded_host_and_port();
    if (server_.ends_with('/')) server_.pop_back();
    if (!secure_ && !settings_.token.empty() && !is_loopback(host_))
        throw std::invalid_argument(
            fmt::format("the token would go to {} in the clear: use https://{}", server_, authority_));
}

Reply Client::get(const std::string& target, const std::string& accept) {
    Call call(server_, host_, port_, secure_, settings_);
    call.send(authority_, target, accept, settings_.token);
    return whole_reply(call, server_);
}

Reply Client::send(const std::string& method, const std::string& target, const std::string& content_type,
                   const std::string& body) {
    Call call(server_, host_, port_, secure_, settings_);
    call.send(authority_, target, "application/json", settings_.token, method, content_type, body);
    return whole_reply(call, server_);
}

Reply Client::follow(const std::string& target, const std::string& accept,
                     const std::function<bool(std::string_view)>& line) {
    Call call(server_, host_, port_, secure_, settings_);
    call.send(authority_, target, accept, settings_.token);
    Reply out;
    out.status = call.receive_head();
    std::string pending;
    for (auto piece = call.receive(true); !piece.empty(); piece = call.receive(true)) {
        pending += piece;
        std::size_t begin = 0;
        if (out.status == 200)
            for (auto end = pending.find('\n'); end != std::string::npos; end = pending.find('\n', begin)) {
                if (!line(std::string_view(pending).substr(begin, end - begin))) return out;
                begin = end + 1;
            }
        pending.erase(0, begin);
        if (pending.size() > longest_line)
            throw Unreachable(fmt::format("a line from {} has no end", server_));
    }
    if (out.status != 200) out.body = std::move(pending);
    return out;
}

Reply Client::pour(const std::string& target, const std::string& accept,
                   const std::function<bool(std::string_view)>& piece) {
    Call call(server_, host_, port_, secure_, settings_);
    call.send(authority_, target, accept, settings_.token);
    Reply out;
    out.status = call.receive_head();
    for (auto octets = call.receive(true); !octets.empty(); octets = call.receive(true)) {
        if (out.status == 200) {
            if (!piece(octets)) break;
        } else if (out.body.size() < longest_line) {
            out.body += octets;
        }
    }
    return out;
}

std::string refusal_in(const Reply& reply) {
    error_code error;
    const auto status = boost::json::parse(reply.body, error);
    const auto message = error ? std::string() : text(status, {"message"});
    if (message.empty())
        return fmt::format("the gateway answered {}: is it one of this version?", reply.status);
    return fmt::format("Error from server ({}): {}", text(status, {"reason"}), message);
}

}  // namespace admin
