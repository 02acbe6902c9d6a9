#include "pods/ports.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>

#include "pods/unique_fd.hpp"

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

std::optional<std::uint16_t> Ports::take() {
    for (int tries = last_ - first_ + 1; tries > 0; --tries) {
        const std::uint16_t port = next_;
        next_ = next_ >= last_ ? first_ : static_cast<std::uint16_t>(next_ + 1);
        if (taken_.contains(port) || !is_free_(port)) continue;
        taken_.insert(port);
        return port;
    }
    return std::nullopt;
}

}  // namespace pods
