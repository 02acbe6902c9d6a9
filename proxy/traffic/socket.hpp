// A TCP socket of a worker, and the worker's one place to wait for all of its sockets. Asio's own sockets
// tell the kernel anew about each wait (epoll_ctl) and are read once more than needed to learn that nothing
// is left; these are told of once, edge-triggered, and remember what they know. Everything here lives on the
// worker's thread.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <boost/asio/async_result.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/intrusive/list.hpp>
#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

namespace proxy {

namespace asio = boost::asio;

// A socket that is to be told.
struct Ready : boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
};

// Tells the sockets of one io_context when they are ready. An epoll of its own that the io_context waits for:
// one system call for all that became ready meanwhile.
class Poller {
public:
    explicit Poller(asio::io_context&);
    ~Poller();
    Poller(const Poller&) = delete;

    void start();  // nobody is told before
    void stop();   // nor afterwards: the io_context has one thing less to wait for
    // Learns what has become ready by now; who waits for it is told later. False: there may be more of it.
    bool look();
    asio::io_context& io() { return io_; }

private:
    friend class Socket;
    void wait();
    void later();
    void turn();
    void tell();
    bool take();  // what is new, into ready_

    asio::io_context& io_;
    asio::posix::stream_descriptor descriptor_;
    std::array<epoll_event, 64> events_{};
    boost::intrusive::list<Ready, boost::intrusive::constant_time_size<false>> ready_;
    bool waits_ = false, later_ = false, in_turn_ = false, stopped_ = false;
};

// What waits for a socket, called once. Small ones are held without an allocation.
class WhenReady {
public:
    using Executor = asio::io_context::executor_type;
    WhenReady() = default;
    WhenReady(const WhenReady&) = delete;
    ~WhenReady() { reset(); }

    template <class Handler>
    void set(Handler handler) {
        reset();
        using Mine = HeldOf<Handler>;
        if constexpr (sizeof(Mine) <= sizeof storage_ && alignof(Mine) <= alignof(std::max_align_t))
            held_ = ::new (static_cast<void*>(storage_.data())) Mine(std::move(handler));
        else
            held_ = new Mine(std::move(handler));
    }
    explicit operator bool() const { return held_ != nullptr; }
    void reset() {  // it is not called
        if (held_ == nullptr) return;
        if (static_cast<void*>(held_) == static_cast<void*>(storage_.data()))
            held_->~Held();
        else
            delete held_;
        held_ = nullptr;
    }

    // Not called at once: who is told may end whoever tells.
    void post(Executor executor, boost::system::error_code error) {
        if (held_ == nullptr) return;
        const Reset once{*this};
        held_->post(executor, error);
    }

    // At once, by whoever minds not what it does: this too may be gone afterwards.
    void call(boost::system::error_code error) { held_->call(*this, error); }

private:
    struct Reset {
        WhenReady& mine;
        ~Reset() { mine.reset(); }
    };
    struct Held {
        virtual ~Held() = default;
        virtual void post(Executor, boost::system::error_code) = 0;
        virtual void call(WhenReady& from, boost::system::error_code) = 0;
    };
    template <class Handler>
    struct HeldOf final : Held {
        explicit HeldOf(Handler held) : handler(std::move(held)) {}
        void post(Executor executor, boost::system::error_code error) override {
            asio::post(executor,
                       [handler = std::move(handler), error]() mutable { std::move(handler)(error); });
        }
        void call(WhenReady& from, boost::system::error_code error) override {
            auto mine = std::move(handler);
            from.reset();  // and with it this
            std::move(mine)(error);
        }
        Handler handler;
    };
    alignas(std::max_align_t) std::array<std::byte, 48> storage_;
    Held* held_ = nullptr;
};

// Non-blocking, without delay (Nagle). Errors are Asio's. Movable until its first wait.
class Socket : public Ready {
public:
    using executor_type = asio::io_context::executor_type;
    enum wait_type : unsigned char { wait_read, wait_write, wait_either };

    explicit Socket(Poller& poller, int descriptor = -1);
    Socket(Socket&&) noexcept;
    ~Socket();

    executor_type get_executor() const { return poller_->io().get_executor(); }
    int native_handle() const { return descriptor_; }
    bool is_open() const { return descriptor_ >= 0; }
    void open(const asio::ip::tcp& protocol, boost::system::error_code&);
    // Begins to connect; would_block: writable once it is done, see connected().
    void connect(const asio::ip::tcp::endpoint&, boost::system::error_code&);
    boost::system::error_code connected() const;
    void close(boost::system::error_code&);  // waits end with operation_aborted
    void cancel();                           // waits end with operation_aborted
    void cancel(boost::system::error_code&) { cancel(); }
    void forget(wait_type);  // a wait that nobody waits for any more: it is not called
    void shutdown(asio::socket_base::shutdown_type, boost::system::error_code&);
    void reset_on_close();
    asio::ip::tcp::endpoint remote_endpoint(boost::system::error_code&) const;

    // would_block: nothing there, nothing goes; eof: the peer will send no more. `flags`: of recv(2).
    std::size_t read_some(std::span<char> into, boost::system::error_code&, int flags = 0);
    std::size_t write_some(std::span<const std::string_view> pieces, boost::system::error_code&);
    // Somebody else read or wrote until nothing was left to do.
    void would_block(wait_type what) {
        if (watched_) (what == wait_read ? may_read_ : may_write_) = false;
    }
    // Asks the system: no octet and no end has come. What the poller was told last may be older than the
    // request that wants to know.
    bool is_silent() const;

    // void(error_code); it may end without cause. Two at a time, of whatever kind: one who reads and one who
    // writes.
    template <class Token>
    auto async_wait(wait_type what, Token&& token) {
        const auto start = [this](auto handler, wait_type which) {
            auto& waiting = waits_[waits_[0].handler ? 1 : 0];
            waiting.what = which;
            waiting.handler.set(std::move(handler));
            begin(waiting);
        };
        return asio::async_initiate<Token, void(boost::system::error_code)>(start, token, what);
    }

private:
    friend class Poller;
    struct Wait {
        wait_type what;
        WhenReady handler;
    };
    void begin(Wait&);
    bool over(wait_type what) const {
        return (what != wait_write && may_read_) || (what != wait_read && may_write_);
    }
    void note(std::uint32_t events);
    bool tell_one();  // of those who wait for what is ready

    Poller* poller_;
    int descriptor_;
    // False: the system has said no, and the poller will tell.
    bool may_read_ = true, may_write_ = true;
    bool ended_ = false;    // there is an end or an error to be read, behind whatever else there is
    bool watched_ = false;  // by the poller
    std::array<Wait, 2> waits_{};
};

}  // namespace proxy
