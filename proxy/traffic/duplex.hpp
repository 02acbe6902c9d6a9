// Octets both ways, with deadlines: all that a tunnel, or a WebSocket that we speak ourselves, knows of the
// transport below it. One may wait for reading and another for writing at a time.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <optional>
#include <span>
#include <string_view>

#include "pods/pod.hpp"

namespace proxy {

namespace asio = boost::asio;
using pods::Clock;
using pods::Duration;
using pods::TimePoint;

class Duplex {
public:
    using Executor = asio::io_context::executor_type;

    struct Read {
        boost::system::error_code error;  // eof, timed_out, or what the system says
        std::size_t octets = 0;
    };
    virtual Executor executor() = 0;
    // Fills the front of `into`; empty if nothing is there yet.
    virtual std::optional<Read> try_read(std::span<char> into) = 0;
    // Writes what goes at once; empty if nothing does.
    virtual std::optional<Read> try_write(std::string_view octets) = 0;
    // Waits until something can be read, or written, or the deadline (timed_out).
    virtual asio::awaitable<boost::system::error_code> readable(TimePoint deadline) = 0;
    virtual asio::awaitable<boost::system::error_code> writable(TimePoint deadline) = 0;
    // Calls back once when the next try may get on, or with operation_aborted; never before it returns.
    virtual void call_when(bool readable, std::function<void(boost::system::error_code)>) = 0;

    virtual void set_deadline(TimePoint) = 0;    // of whoever waits by call_when()
    virtual void end_reading_at(TimePoint) = 0;  // whoever waits to read waits no longer than that
    virtual void interrupt() = 0;                // ends all waits, now and later: operation_aborted
    virtual void end_writing() = 0;              // our last word: the peer sees a clean end. Reading goes on.
    virtual void close() = 0;
    // A peer who confirms nothing of what was sent for so long is gone.
    virtual void give_up_after(std::chrono::milliseconds) = 0;

protected:
    Duplex() = default;
    Duplex(const Duplex&) = delete;
    ~Duplex() = default;
};

}  // namespace proxy
