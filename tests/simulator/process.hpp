// sd-simulator as a process on a free port of loopback, and a small blocking client for it.
#pragma once

#include <sys/types.h>

#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/json.hpp>
#include <cstdint>
#include <string>
#include <vector>

namespace simulator_test {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace json = boost::json;
using tcp = asio::ip::tcp;
using Response = http::response<http::string_body>;

inline const std::string txt2img_path = "/sdapi/v1/txt2img";

class Process {
public:
    // Starts it warm and fast unless `args` say otherwise; comes back when the port is open. Throws when it
    // never is.
    explicit Process(std::vector<std::string> args, bool expect_port = true);
    ~Process();  // SIGKILL, by its pid
    Process(const Process&) = delete;

    std::uint16_t port() const { return port_; }
    void signal(int number) const;
    int wait();  // for its end: exit status, or 128 + signal as a shell says it
    bool alive() const;

private:
    pid_t pid_ = -1;
    int output_ = -1;
    std::uint16_t port_ = 0;
    int status_ = -1;  // -1: not collected yet
};

// One connection, which may be used for several requests. Every wait ends after ten seconds at the latest.
class Client {
public:
    explicit Client(std::uint16_t port);

    void send(http::verb method, const std::string& target, const std::string& body = "",
              const std::vector<std::pair<std::string, std::string>>& headers = {});
    Response receive();  // throws boost::system::system_error
    boost::system::error_code try_receive(Response& response);
    Response ask(http::verb method, const std::string& target, const std::string& body = "",
                 const std::vector<std::pair<std::string, std::string>>& headers = {});
    tcp::socket& socket() { return stream_.socket(); }

private:
    boost::system::error_code run(std::function<void(std::function<void(boost::system::error_code)>)> begin);

    asio::io_context context_;
    beast::tcp_stream stream_;
    beast::flat_buffer buffer_;
    http::verb last_method_ = http::verb::get;
};

// Each on a connection of its own.
Response get(std::uint16_t port, const std::string& target);
Response post(std::uint16_t port, const std::string& target, const std::string& body = "{}");
json::object stats(std::uint16_t port);
inline json::object parsed(const Response& response) {
    return json::parse(response.body()).as_object();
}

// Looks again until it is true; false after ten seconds.
bool eventually(const std::function<bool()>& truth);

}  // namespace simulator_test
