#include "pods/ports.hpp"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <string>

namespace pods {

namespace {

template <class SocketAddress>
bool can_bind(const SocketAddress& address, int family) {
    const UniqueFd socket(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!socket) return true;  // a family that this machine does not speak
    const int on = 1;
    if (family == AF_INET6) ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return true;
    return errno == EADDRNOTAVAIL || errno == EAFNOSUPPORT;
}

}  // namespace

bool is_port_free(std::uint16_t port) {
    sockaddr_in four{};
    four.sin_family = AF_INET;
    four.sin_port = htons(port);
    sockaddr_in6 six{};
    six.sin6_family = AF_INET6;
    six.sin6_port = htons(port);
    return can_bind(four, AF_INET) && can_bind(six, AF_INET6);
}

UniqueFd reserve_port(std::uint16_t port) {
    UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!socket) return socket;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const auto name = "pilotlight-pod-port-" + std::to_string(port);
    std::memcpy(address.sun_path + 1, name.data(), name.size());  // behind a NUL: abstract
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
    if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0) return UniqueFd();
    return socket;
}

std::optional<std::uint16_t> Ports::take() {
    for (int tries = last_ - first_ + 1; tries > 0; --tries) {
        const std::uint16_t port = next_;
        next_ = next_ >= last_ ? first_ : static_cast<std::uint16_t>(next_ + 1);
        if (taken_.contains(port)) continue;
        auto reservation = reserve_port(port);
        if (!reservation || !is_free_(port)) continue;
        taken_.emplace(port, std::move(reservation));
        return port;
    }
    return std::nullopt;
}

}  // namespace pods
