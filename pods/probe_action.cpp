#include "pods/probe_action.hpp"

#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include "pods/second_stage.hpp"

namespace pods {

namespace {

namespace beast = boost::beast;
namespace http = beast::http;
using asio::as_tuple;
using asio::use_awaitable;
using asio::ip::tcp;
using namespace std::chrono_literals;

constexpr std::size_t most_head_bytes = 16 << 10;
constexpr std::size_t most_body_bytes = 10 << 10;  // as the kubelet does
constexpr auto body_limit = 100ms;  // the status has spoken; who sends no end is not waited for

std::string text_of(const Address& address) {
    const bool is_six = address.host.find(':') != std::string::npos;
    return (is_six ? "[" + address.host + "]" : address.host) + ":" + std::to_string(address.port);
}

Address where(const ProbeTarget& target, std::uint16_t port) {
    const bool is_own = port == 0 || port == target.container_port;
    return {target.address.host, is_own ? target.address.port : port};
}

// Until a pod listens, the kernel may choose the very port we connect to as our own end, and connect us to
// ourselves (simultaneous open). That is no pod; and the port must not stay occupied, not even in TIME_WAIT.
bool is_ourselves(tcp::socket& socket) {
    beast::error_code first, second;
    const bool is_same = socket.local_endpoint(first) == socket.remote_endpoint(second) && !first && !second;
    if (is_same) socket.set_option(tcp::socket::linger(true, 0), first);
    return is_same;
}

// Empty: connected.
asio::awaitable<std::string> connect(beast::tcp_stream& stream, Address address) {
    beast::error_code wrong;
    const auto ip = asio::ip::make_address(address.host, wrong);
    if (wrong) co_return "'" + address.host + "' is no IP address";
    const tcp::endpoint endpoint(ip, address.port);
    const auto [error] = co_await stream.async_connect(endpoint, as_tuple(use_awaitable));
    if (error) co_return "connect to " + text_of(address) + ": " + error.message();
    if (is_ourselves(stream.socket())) co_return "connect to " + text_of(address) + ": Connection refused";
    co_return "";
}

asio::awaitable<std::string> attempt_tcp(Address address, std::chrono::seconds timeout) {
    beast::tcp_stream stream(co_await asio::this_coro::executor);
    stream.expires_after(timeout);
    co_return co_await connect(stream, std::move(address));
}

http::request<http::empty_body> make_request(const HttpGetAction& get, const Address& address) {
    http::request<http::empty_body> request(http::verb::get, get.path.empty() ? "/" : get.path, 11);
    request.set(http::field::host, get.host.empty() ? text_of(address) : get.host);
    request.set(http::field::user_agent,
                "kube-probe/pilotlight");  // servers keep it out of their logs by "kube-probe/"
    request.set(http::field::accept, "*/*");
    for (const auto& [name, value] : get.headers) request.set(name, value);
    request.set(http::field::connection, "close");
    return request;
}

struct Answer {
    std::string trouble;  // not empty: there is none
    std::string url;      // "GET http://127.0.0.1:20001/: "
    unsigned status = 0;
    bool has_process_time = false;
    std::string body;  // its beginning
};

asio::awaitable<Answer> get_http(Address address, HttpGetAction get, std::chrono::seconds timeout) {
    Answer got;
    beast::tcp_stream stream(co_await asio::this_coro::executor);
    stream.expires_after(timeout);
    got.trouble = co_await connect(stream, address);
    if (!got.trouble.empty()) co_return got;

    got.url = "GET http://" + text_of(address) + get.path + ": ";
    const auto request = make_request(get, address);
    const auto [unsent, sent] = co_await http::async_write(stream, request, as_tuple(use_awaitable));
    if (unsent) got.trouble = got.url + unsent.message();
    if (unsent) co_return got;

    beast::flat_buffer buffer(most_head_bytes + most_body_bytes);
    http::response_parser<http::string_body> answer;
    answer.header_limit(most_head_bytes);
    answer.body_limit(boost::none);
    const auto [unread, head] =
        co_await http::async_read_header(stream, buffer, answer, as_tuple(use_awaitable));
    if (unread) got.trouble = got.url + unread.message();
    if (unread) co_return got;
    got.status = answer.get().result_int();
    got.has_process_time = answer.get().count("x-process-time") > 0;

    // Taken, though hardly anybody wants it, or the pod sees its answer refused and logs that.
    stream.expires_after(std::min<std::chrono::milliseconds>(timeout, body_limit));
    while (!answer.is_done() && answer.get().body().size() < most_body_bytes) {
        const auto [ended, some] =
            co_await http::async_read_some(stream, buffer, answer, as_tuple(use_awaitable));
        if (ended) break;
    }
    got.body = std::move(answer.get().body());
    co_return got;
}

asio::awaitable<std::string> attempt_http(Address address, HttpGetAction get, std::chrono::seconds timeout) {
    const Answer got = co_await get_http(std::move(address), std::move(get), timeout);
    if (!got.trouble.empty()) co_return got.trouble;
    if (got.status >= 200 && got.status < 400) co_return "";
    co_return got.url + "status " + std::to_string(got.status);
}

asio::awaitable<std::string> attempt_exec(Execute execute, ExecAction action, std::chrono::seconds timeout) {
    if (action.command.empty()) co_return "the probe has no command";
    if (!execute) co_return "exec probes do not work with this driver";
    const Executed done = co_await execute(action.command, timeout);
    if (!done.trouble.empty()) co_return done.trouble;
    if (done.status == 0) co_return "";
    co_return "'" + action.command.front() + "' exited with status " + std::to_string(done.status);
}

}  // namespace

asio::awaitable<std::string> attempt(ProbeTarget target, Probe probe) {
    if (const auto* tcp_socket = std::get_if<TcpSocketAction>(&probe.action))
        co_return co_await attempt_tcp(where(target, tcp_socket->port), probe.timeout);
    if (const auto* get = std::get_if<HttpGetAction>(&probe.action))
        co_return co_await attempt_http(where(target, get->port), *get, probe.timeout);
    co_return co_await attempt_exec(target.execute, std::get<ExecAction>(probe.action), probe.timeout);
}

asio::awaitable<std::string> attempt_mounted(ProbeTarget target, Probe probe) {
    const auto& get = std::get<HttpGetAction>(probe.action);
    const Answer got = co_await get_http(where(target, get.port), get, probe.timeout);
    if (!got.trouble.empty()) co_return got.trouble;
    if (!is_not_mounted(got.status, got.has_process_time, got.body)) co_return "";
    co_return got.url + "status 404, not mounted yet";
}

}  // namespace pods
