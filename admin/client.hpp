// The commands' way to the admin address of a gateway: HTTP/1.1, over TLS for https, one request after
// another, with deadlines.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace admin {

// No answer could be had; what() is a sentence for people.
struct Unreachable : std::runtime_error {
    using runtime_error::runtime_error;
};

struct Reply {
    int status = 0;
    std::string body;
};

// For people, as kubectl says it: "Error from server (NotFound): ...", of a Status that is no success.
std::string refusal_in(const Reply&);

// Who we are, and whom we believe.
struct ClientSettings {
    std::string token;                  // empty: none
    std::filesystem::path ca;           // whose certificates are believed; empty: those of the system
    std::filesystem::path certificate;  // our own, with `key`; empty: none
    std::filesystem::path key;
    std::chrono::milliseconds connect_patience{5'000}, answer_patience{30'000};
};

// PILOTLIGHT_ADMIN_TOKEN, or the first line of PILOTLIGHT_TOKEN_FILE; PILOTLIGHT_CA_FILE;
// PILOTLIGHT_CLIENT_CERTIFICATE and PILOTLIGHT_CLIENT_KEY. Throws std::invalid_argument with a sentence.
ClientSettings settings_of_environment();

class Client {
public:
    // "http://127.0.0.1:9901". Throws std::invalid_argument when it is nothing like that, or when the token
    // would be read on its way.
    explicit Client(std::string server, ClientSettings = settings_of_environment());

    // Both throw Unreachable.
    Reply get(const std::string& target, const std::string& accept);
    // A change: "PATCH", its body and what that is.
    Reply send(const std::string& method, const std::string& target, const std::string& content_type,
               const std::string& body);

    // Hands on each line as it comes, until the stream ends or `line` returns false. A status other than 200
    // comes with its body and no lines. Waits as long as it takes for a line.
    Reply follow(const std::string& target, const std::string& accept,
                 const std::function<bool(std::string_view)>& line);

    // The same with the octets as they come, whatever they are.
    Reply pour(const std::string& target, const std::string& accept,
               const std::function<bool(std::string_view)>& piece);

private:
    std::string server_, authority_, host_, port_;
    bool secure_ = false;
    ClientSettings settings_;
};

}  // namespace admin
