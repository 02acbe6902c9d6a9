// A TCP socket with deadlines, for one worker thread, and TLS on it once handshake() says so: all else is the
// same then. Reads and writes go ahead at once where they can and wait only where they must; who waits holds
// no buffer. One may wait for reading and another for writing at a time. Deadlines are kept by the worker's
// sweep: setting one is a store.
#pragma once

#include <array>
#include <boost/asio/post.hpp>
#include <boost/intrusive/list.hpp>
#include <memory>

#include "proxy/tls/session.hpp"
#include "proxy/traffic/duplex.hpp"
#include "proxy/traffic/socket.hpp"

namespace proxy {

class Stream final
    : public Duplex,
      private TlsTransport,
      public boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
public:
    explicit Stream(Socket socket);

    Executor executor() override { return socket_.get_executor(); }
    std::optional<Read> try_read(std::span<char> into) override;
    std::optional<Read> try_write(std::string_view octets) override;
    asio::awaitable<boost::system::error_code> readable(TimePoint deadline) override;
    asio::awaitable<boost::system::error_code> writable(TimePoint deadline) override;
    // Writes all, each piece of progress within `patience`.
    asio::awaitable<boost::system::error_code> write(std::array<std::string_view, 3> pieces,
                                                     Duration patience);
    // The same; empty: without a wait, all of it or as far as the error.
    std::optional<asio::awaitable<boost::system::error_code>> write_at_once(
        std::array<std::string_view, 3> pieces, Duration patience, boost::system::error_code& error);
    // Writes until all is written, something can be read while the peer takes no more (would_block), or the
    // deadline.
    struct Written {
        boost::system::error_code error;
        std::size_t octets = 0;
    };
    asio::awaitable<Written> write_unless_answered(std::string_view head, std::string_view body,
                                                   TimePoint deadline);
    asio::awaitable<boost::system::error_code> connect(asio::ip::tcp::endpoint, TimePoint deadline);

    // The server's side of TLS. Why it failed; empty: all that is read and written from now on is encrypted.
    asio::awaitable<std::string> handshake(std::shared_ptr<const TlsContext>, TimePoint deadline);
    bool tls() const { return tls_ != nullptr; }
    std::string_view alpn() const {
        return tls_ ? tls_->alpn() : std::string_view{};
    }  // "h2", "http/1.1", ""
    std::string_view server_name() const { return tls_ ? tls_->server_name() : std::string_view{}; }
    const TlsSession* tls_session() const { return tls_.get(); }
    // Calls back once, as socket().async_wait() does, also for what TLS has taken from the socket already.
    // socket().cancel() ends it.
    template <class Handler>
    void when_ready(bool to_read, Handler handler) {
        const auto what = to_read ? Socket::wait_read : Socket::wait_write;
        if (to_read && tls_ && tls_->pending())
            asio::post(socket_.get_executor(),
                       [handler = std::move(handler)]() mutable { handler(boost::system::error_code{}); });
        else
            socket_.async_wait(waits_for(what), std::move(handler));
    }
    template <class Handler>
    void when_readable(Handler handler) {
        when_ready(true, std::move(handler));
    }
    // The call that when_readable() promised is not wanted any more, and nobody else waits. It may come all
    // the same if it is on its way.
    void forget_readable() { socket_.forget(waits_for(Socket::wait_read)); }
    void call_when(bool readable, std::function<void(boost::system::error_code)> then) override {
        when_ready(readable, std::move(then));
    }
    void end_writing() override;
    void close() override;
    void give_up_after(std::chrono::milliseconds) override;

    Socket& socket() { return socket_; }
    // Of what others begin on socket() themselves, too.
    void set_deadline(TimePoint at) override { others_.deadline = at; }
    void end_reading_at(TimePoint at) override;
    void interrupt() override;
    void expire(TimePoint now);  // the sweep's: ends the waits that are over time
    void reset_on_close();       // a close from now on is a RST: the peer must see that something is missing

private:
    struct Wait {
        TimePoint deadline = TimePoint::max();
        bool expired = false;
    };
    asio::awaitable<boost::system::error_code> wait(Socket::wait_type, Wait&, TimePoint deadline);
    asio::awaitable<bool> writable_or_readable(TimePoint deadline);  // false: the deadline
    Socket::wait_type waits_for(Socket::wait_type what) const;  // TLS may have to write before it can read
    std::size_t write_some(std::span<const std::string_view> pieces, boost::system::error_code&);
    // Takes from the pieces what has gone. True: nothing more will go, as all has gone or it failed.
    bool write_more(std::span<std::string_view> pieces, boost::system::error_code&);
    std::size_t read_below(std::span<char> into, boost::system::error_code& error) override {
        return socket_.read_some(into, error);
    }
    std::size_t write_below(std::string_view octets, boost::system::error_code& error) override {
        return socket_.write_some({&octets, 1}, error);
    }

    Socket socket_;
    Wait reading_, writing_, others_;
    bool interrupted_ = false;
    std::unique_ptr<TlsSession> tls_;
};

using Streams = boost::intrusive::list<Stream, boost::intrusive::constant_time_size<false>>;

}  // namespace proxy
