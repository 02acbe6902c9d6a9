#include "socket_client.hpp"

namespace simulator_test {

namespace websocket = beast::websocket;

SocketClient::SocketClient(std::uint16_t port, const std::string& target,
                           const std::vector<std::pair<std::string, std::string>>& headers)
    : stream_(context_) {
    beast::get_lowest_layer(stream_).socket().connect({asio::ip::address_v4::loopback(), port});
    websocket::stream_base::timeout times{};
    times.handshake_timeout = times.idle_timeout = std::chrono::seconds(10);
    times.keep_alive_pings = false;
    stream_.set_option(times);
    stream_.set_option(websocket::stream_base::decorator([&](websocket::request_type& request) {
        for (const auto& [name, value] : headers) request.set(name, value);
    }));
    const auto error = run([&](auto done) { stream_.async_handshake("pod.test", target, done); });
    if (error) throw boost::system::system_error(error);
}

boost::system::error_code SocketClient::run(
    std::function<void(std::function<void(boost::system::error_code)>)> begin) {
    std::optional<boost::system::error_code> result;
    begin([&](boost::system::error_code error) { result = error; });
    context_.restart();
    while (!result) context_.run_one();  // Beast's own timer goes on
    return *result;
}

void SocketClient::send(const std::string& text) {
    const auto error = run([&](auto done) {
        stream_.async_write(asio::buffer(text),
                            [done](boost::system::error_code ec, std::size_t) { done(ec); });
    });
    if (error) throw boost::system::system_error(error);
}

std::optional<std::string> SocketClient::receive() {
    const auto error = run([&](auto done) {
        stream_.async_read(buffer_, [done](boost::system::error_code ec, std::size_t) { done(ec); });
    });
    if (error) return std::nullopt;
    std::string text = beast::buffers_to_string(buffer_.data());
    buffer_.clear();
    return text;
}

json::object SocketClient::message() {
    const auto text = receive();
    if (!text) throw std::runtime_error("the socket was closed");
    return json::parse(*text).as_object();
}

json::object SocketClient::until(const std::string& name) {
    while (true) {
        json::object seen = message();
        if (seen.at("msg").as_string() == name) return seen;
    }
}

void SocketClient::close() {
    run([&](auto done) { stream_.async_close(websocket::close_code::normal, done); });
}

void SocketClient::vanish() {
    boost::system::error_code ignored;
    tcp::socket& socket = beast::get_lowest_layer(stream_).socket();
    socket.set_option(asio::socket_base::linger(true, 0), ignored);
    socket.close(ignored);
}

}  // namespace simulator_test
