#include "proxy/traffic/socket.hpp"

#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/error.hpp>
#include <cerrno>
#include <system_error>

#include "proxy/bounds/reserve.hpp"
#include "proxy/log.hpp"

namespace proxy {

using boost::system::error_code;

namespace {

error_code last_error() {
    return {errno, boost::system::system_category()};
}

}  // namespace

Poller::Poller(asio::io_context& io) : io_(io), descriptor_(io) {
    const int made = ::epoll_create1(EPOLL_CLOEXEC);
    if (made < 0) throw std::system_error(errno, std::system_category(), "epoll_create1");
    descriptor_.assign(made);
}

Poller::~Poller() = default;

void Poller::start() {
    wait();
}

void Poller::stop() {
    stopped_ = true;
    error_code ignored;
    descriptor_.cancel(ignored);
}

// Neither may fail, or nobody would ever be told again; and neither calls back at once.
void Poller::wait() {
    if (waits_) return;
    const MustNotFail others;
    descriptor_.async_wait(asio::posix::stream_descriptor::wait_read, [this](error_code error) {
        waits_ = false;
        if (!error && !later_) turn();
    });
    waits_ = true;
}

void Poller::later() {
    if (later_) return;
    const MustNotFail others;
    asio::post(io_, [this] {
        later_ = false;
        turn();
    });
    later_ = true;
}

// While there is something in each turn, the next one comes by itself: to wait costs more than to look.
void Poller::turn() {
    if (stopped_) return;
    in_turn_ = true;
    take();
    const bool busy = !ready_.empty();
    tell();
    in_turn_ = false;
    busy ? later() : wait();  // which ends at once if some are left
}

bool Poller::take() {
    const int count =
        ::epoll_wait(descriptor_.native_handle(), events_.data(), static_cast<int>(events_.size()), 0);
    for (int i = 0; i < count; ++i) {
        const auto& event = events_[static_cast<std::size_t>(i)];
        auto& socket = *static_cast<Socket*>(event.data.ptr);
        socket.note(event.events);
        if (!socket.is_linked()) ready_.push_back(socket);
    }
    return count >= 0 && count < static_cast<int>(events_.size());
}

bool Poller::look() {
    const bool all = take();
    if (!ready_.empty() && !in_turn_) later();
    return all;
}

// Who is told runs at once, and may end any socket: one that ends leaves the list by itself. Who becomes
// ready meanwhile is told in another turn: all else has one in between.
void Poller::tell() {
    decltype(ready_) ready;
    ready.swap(ready_);
    while (!ready.empty()) try {
            if (!static_cast<Socket&>(ready.front()).tell_one()) ready.pop_front();
        } catch (const std::exception& error) {  // of this one: the others are told all the same
            log_of(LogOf::proxy)
                .error(
                    "a connection's handler ended by an exception (a fault of the gateway, please report "
                    "it): {}",
                    error.what());
        }
}

Socket::Socket(Poller& poller, int descriptor) : poller_(&poller), descriptor_(descriptor) {
    int on = 1;
    if (descriptor_ < 0) return;
    ::ioctl(descriptor_, FIONBIO, &on);
    ::setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

Socket::Socket(Socket&& other) noexcept
    : poller_(other.poller_), descriptor_(std::exchange(other.descriptor_, -1)) {}

Socket::~Socket() {
    error_code ignored;
    close(ignored);
}

void Socket::open(const asio::ip::tcp& protocol, error_code& error) {
    error = {};
    descriptor_ = ::socket(protocol.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
    if (descriptor_ < 0) {
        error = last_error();
        return;
    }
    const int on = 1;
    ::setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

void Socket::connect(const asio::ip::tcp::endpoint& to, error_code& error) {
    error = {};
    if (::connect(descriptor_, to.data(), static_cast<socklen_t>(to.size())) == 0) return;
    error = errno == EINPROGRESS ? error_code(asio::error::would_block) : last_error();
}

error_code Socket::connected() const {
    int error = 0;
    socklen_t size = sizeof error;
    if (::getsockopt(descriptor_, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return last_error();
    return {error, boost::system::system_category()};
}

void Socket::close(error_code& error) {
    error = {};
    if (descriptor_ < 0) return;
    // Said, not left to the close: between fork and exec a pod's process still has the descriptor.
    if (watched_) ::epoll_ctl(poller_->descriptor_.native_handle(), EPOLL_CTL_DEL, descriptor_, nullptr);
    watched_ = false;
    ::close(std::exchange(descriptor_, -1));
    cancel();
}

void Socket::cancel() {
    for (auto& wait : waits_) wait.handler.post(get_executor(), asio::error::operation_aborted);
}

void Socket::forget(wait_type what) {
    for (auto& wait : waits_)
        if (wait.what == what) wait.handler.reset();
}

void Socket::shutdown(asio::socket_base::shutdown_type what, error_code& error) {
    error = ::shutdown(descriptor_, what) == 0 ? error_code{} : last_error();
}

void Socket::reset_on_close() {
    const linger now{1, 0};
    ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

asio::ip::tcp::endpoint Socket::remote_endpoint(error_code& error) const {
    asio::ip::tcp::endpoint peer;
    auto size = static_cast<socklen_t>(peer.capacity());
    error = ::getpeername(descriptor_, peer.data(), &size) == 0 ? error_code{} : last_error();
    if (!error) peer.resize(size);
    return peer;
}

std::size_t Socket::read_some(std::span<char> into, error_code& error, int flags) {
    error = {};
    if (!may_read_) {  // it would be told
        error = asio::error::would_block;
        return 0;
    }
    ssize_t got;
    do got = ::recv(descriptor_, into.data(), into.size(), flags);
    while (got < 0 && errno == EINTR);
    if (got > 0) {
        const auto octets = static_cast<std::size_t>(got);
        // Less than there was room for is all there is (epoll(7)), but for an end that was told of already.
        if (octets < into.size() && watched_ && !ended_ && flags == 0) may_read_ = false;
        return octets;
    }
    if (got == 0 && !into.empty())
        error = asio::error::eof;
    else if (got < 0)
        error = last_error();
    if (error == asio::error::would_block) would_block(wait_read);
    return 0;
}

// The poller is asked for all of its sockets at once, in less time than a read of this one takes.
bool Socket::is_silent() const {
    if (poller_->look() && watched_ && !may_read_) return true;
    char octet;
    return ::recv(descriptor_, &octet, 1, MSG_PEEK) < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

std::size_t Socket::write_some(std::span<const std::string_view> pieces, error_code& error) {
    error = {};
    std::array<iovec, 4> vectors;
    std::size_t used = 0, whole = 0;
    for (const auto piece : pieces) {
        if (piece.empty() || used == vectors.size()) continue;
        vectors[used++] = {const_cast<char*>(piece.data()), piece.size()};
        whole += piece.size();
    }
    if (used == 0) return 0;
    std::array<char, 4096> gathered;  // of several small ones; sendmsg(2) costs more than to copy them
    if (used > 1 && whole <= gathered.size()) {
        auto* end = gathered.data();
        for (std::size_t i = 0; i < used; ++i)
            end = std::copy_n(static_cast<const char*>(vectors[i].iov_base), vectors[i].iov_len, end);
        vectors[0] = {gathered.data(), whole};
        used = 1;
    }
    if (!may_write_) {
        error = asio::error::would_block;
        return 0;
    }
    msghdr message{};
    message.msg_iov = vectors.data();
    message.msg_iovlen = used;
    ssize_t sent;
    do
        sent = used == 1 ? ::send(descriptor_, vectors[0].iov_base, vectors[0].iov_len, MSG_NOSIGNAL)
                         : ::sendmsg(descriptor_, &message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent >= 0) return static_cast<std::size_t>(sent);
    error = last_error();
    if (error == asio::error::would_block) would_block(wait_write);
    return 0;
}

// A socket that is not known to the poller yet is told to it, which tells at once what is ready already.
void Socket::begin(Wait& wait) {
    if (descriptor_ < 0) return wait.handler.post(get_executor(), asio::error::bad_descriptor);
    if (watched_) {
        if (over(wait.what)) wait.handler.post(get_executor(), {});
        return;
    }
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    event.data.ptr = this;
    if (::epoll_ctl(poller_->descriptor_.native_handle(), EPOLL_CTL_ADD, descriptor_, &event) != 0)
        return wait.handler.post(get_executor(), last_error());
    watched_ = true;
    if (wait.what != wait_write) would_block(wait_read);
    if (wait.what != wait_read) would_block(wait_write);
}

void Socket::note(std::uint32_t events) {
    if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) ended_ = true;
    if ((events & EPOLLIN) != 0 || ended_) may_read_ = true;
    if ((events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) may_write_ = true;
}

bool Socket::tell_one() {
    for (auto& wait : waits_) {
        if (!wait.handler || !over(wait.what)) continue;
        wait.handler.call({});
        return true;
    }
    return false;
}

}  // namespace proxy
