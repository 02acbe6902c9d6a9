// A TCP socket with deadlines, for one worker thread. Reads and writes go ahead at once where they can and
// wait only where they must; who waits holds no buffer. One may wait for reading and another for writing at a
// time. Deadlines are kept by the worker's sweep: setting one is a store.
#pragma once

#include <array>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/intrusive/list.hpp>
#include <optional>
#include <span>
#include <string_view>

#include "pods/pod.hpp"

namespace proxy {

namespace asio = boost::asio;
using pods::Clock;
using pods::Duration;
using pods::TimePoint;
using Socket = asio::basic_stream_socket<asio::ip::tcp, asio::io_context::executor_type>;

class Stream
    : public boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
public:
    explicit Stream(Socket socket);
    Stream(const Stream&) = delete;

    struct Read {
        boost::system::error_code error;  // eof, timed_out, or what the system says
        std::size_t octets = 0;
    };
    // Fills the front of `into`; empty if nothing is there yet.
    std::optional<Read> try_read(std::span<char> into);
    // Waits until something can be read, or the deadline (timed_out).
    asio::awaitable<boost::system::error_code> readable(TimePoint deadline);
    // Writes what goes at once; empty if nothing does.
    std::optional<Read> try_write(std::string_view octets);
    asio::awaitable<boost::system::error_code> writable(TimePoint deadline);
    // Writes all, each piece of progress within `patience`.
    asio::awaitable<boost::system::error_code> write(std::array<std::string_view, 3> pieces,
                                                     Duration patience);
    // Writes until all is written, something can be read while the peer takes no more (would_block), or the
    // deadline.
    struct Written {
        boost::system::error_code error;
        std::size_t octets = 0;
    };
    asio::awaitable<Written> write_unless_answered(std::string_view head, std::string_view body,
                                                   TimePoint deadline);
    asio::awaitable<boost::system::error_code> connect(asio::ip::tcp::endpoint, TimePoint deadline);

    Socket& socket() { return socket_; }
    void set_deadline(TimePoint at) { others_.deadline = at; }  // of what others begin on socket() themselves
    void expire(TimePoint now);         // the sweep's: ends the waits that are over time
    void end_reading_at(TimePoint at);  // whoever waits to read waits no longer than that
    void interrupt();                   // ends all waits, now and later: operation_aborted
    void reset_on_close();  // a close from now on is a RST: the peer must see that something is missing

private:
    struct Wait {
        TimePoint deadline = TimePoint::max();
        bool expired = false;
    };
    asio::awaitable<boost::system::error_code> wait(Socket::wait_type, Wait&, TimePoint deadline);
    asio::awaitable<bool> writable_or_readable(TimePoint deadline);  // false: the deadline

    Socket socket_;
    Wait reading_, writing_, others_;
    bool interrupted_ = false;
};

using Streams = boost::intrusive::list<Stream, boost::intrusive::constant_time_size<false>>;

}  // namespace proxy
