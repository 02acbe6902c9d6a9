// A blocking WebSocket client for the simulated pod. Every wait ends after ten seconds at the latest.
#pragma once

#include <boost/beast/websocket.hpp>
#include <optional>

#include "process.hpp"

namespace simulator_test {

class SocketClient {
public:
    // Throws boost::system::system_error when the upgrade is refused.
    SocketClient(std::uint16_t port, const std::string& target,
                 const std::vector<std::pair<std::string, std::string>>& headers = {});

    void send(const std::string& text);
    std::optional<std::string> receive();            // empty: it was closed or is gone
    json::object message();                          // throws unless one comes
    json::object until(const std::string& message);  // of that name; throws when it is closed before
    std::uint16_t close_code() const { return stream_.reason().code; }  // 0: it went without a word
    void close();
    void vanish();  // a reset

private:
    boost::system::error_code run(std::function<void(std::function<void(boost::system::error_code)>)> begin);

    asio::io_context context_;
    beast::websocket::stream<beast::tcp_stream> stream_;
    beast::flat_buffer buffer_;
};

}  // namespace simulator_test
