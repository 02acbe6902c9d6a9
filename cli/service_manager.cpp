#include "cli/service_manager.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <boost/asio/ip/tcp.hpp>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "proxy/log.hpp"

namespace cli {
namespace {

using boost::asio::ip::tcp;

constexpr int first_descriptor = 3;  // SD_LISTEN_FDS_START

std::optional<long> number(const char* name) {
    const char* text = std::getenv(name);
    if (text == nullptr) return std::nullopt;
    long value = 0;
    const auto [end, error] = std::from_chars(text, text + std::strlen(text), value);
    if (error != std::errc{} || *end != '\0') return std::nullopt;
    return value;
}

std::optional<tcp::endpoint> where(int socket) {
    tcp::endpoint endpoint;
    auto size = static_cast<socklen_t>(endpoint.capacity());
    if (::getsockname(socket, endpoint.data(), &size) != 0) return std::nullopt;
    const auto family = endpoint.data()->sa_family;
    if (family != AF_INET && family != AF_INET6) return std::nullopt;
    endpoint.resize(size);
    return endpoint;
}

}  // namespace

GivenSockets GivenSockets::from_environment() {
    GivenSockets given;
    if (number("LISTEN_PID") != ::getpid()) return given;
    const auto count = number("LISTEN_FDS").value_or(0);
    for (const char* name : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}) ::unsetenv(name);
    for (int i = 0; i < count && i < 64; ++i) {
        ::fcntl(first_descriptor + i, F_SETFD, FD_CLOEXEC);
        given.sockets_.emplace_back(first_descriptor + i);
    }
    return given;
}

pods::UniqueFd GivenSockets::take(const manifest::Listener& at) {
    boost::system::error_code error;
    const auto address = boost::asio::ip::make_address(at.address, error);
    if (error) return {};
    const tcp::endpoint wanted(address, at.port);
    for (auto each = sockets_.begin(); each != sockets_.end(); ++each)
        if (where(each->get()) == wanted) {
            auto found = std::move(*each);
            sockets_.erase(each);
            return found;
        }
    return {};
}

void GivenSockets::say_unused() {
    for (const auto& socket : sockets_) {
        const auto at = where(socket.get());
        log_of(proxy::LogOf::config)
            .warn(
                "the service manager opened {}, where no listener of the Gateway manifest is: add one, or "
                "take "
                "it from the socket unit",
                at ? at->address().to_string() + ":" + std::to_string(at->port()) : "a socket");
    }
    sockets_.clear();
}

void notify_manager(std::string_view state) {
    const char* path = std::getenv("NOTIFY_SOCKET");
    if (path == nullptr || (*path != '/' && *path != '@')) return;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const auto length = std::strlen(path);
    if (length >= sizeof address.sun_path) return;
    std::memcpy(address.sun_path, path, length);
    if (*path == '@') address.sun_path[0] = '\0';
    const pods::UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length);
    ::sendto(socket.get(), state.data(), state.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
             reinterpret_cast<const sockaddr*>(&address), size);
}

std::optional<std::chrono::microseconds> watchdog_interval() {
    const auto limit = number("WATCHDOG_USEC");  // WATCHDOG_PID was the process that an upgrade has replaced
    if (!limit || *limit <= 0) return std::nullopt;
    return std::chrono::microseconds(*limit / 2);
}

}  // namespace cli
