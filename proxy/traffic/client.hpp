// Who a request came from, as its way to a pod and back sees it: the same for each protocol. A client is
// implemented by what carries one request at a time: an HTTP/1.1 connection, a stream of HTTP/2.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/address.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "proxy/tls/session.hpp"
#include "proxy/traffic/door.hpp"
#include "proxy/traffic/duplex.hpp"
#include "proxy/traffic/forward.hpp"
#include "proxy/traffic/head.hpp"

namespace proxy {

// How its connection came in; true for all its requests.
struct Arrival {
    std::shared_ptr<const Door> door;
    std::string peer;  // the client as its connection says, or a trusted proxy's PROXY header
    asio::ip::address address;
    const TlsSession* tls = nullptr;  // null: in clear
    std::string certificate;          // the client's, for the pod; empty: none, or not asked for
};

class ContentTaker {
public:
    virtual void take(std::string_view content) = 0;

protected:
    ~ContentTaker() = default;
};

class Client {
public:
    using Done = asio::awaitable<boost::system::error_code>;

    // --- the request's content, without its framing
    enum class Content : unsigned char { none_yet, some, whole, malformed, gone };
    virtual Content take_content(ContentTaker&) = 0;  // hands on what is there; of `whole` it was the last
    virtual std::uint64_t announced_content() const = 0;  // octets that must still come, as far as is known
    virtual Done content_or_departure(TimePoint until) = 0;  // when there is none yet; no error: look again

    // Between a request's content and the end of its answer somebody must notice when the client leaves.
    // Never calls back before it returns.
    virtual void watch(std::function<void()> on_departure) = 0;
    virtual void stop_watching() = 0;

    // --- the answer; each wait for a client who takes nothing is no longer than `patience`
    // An interim response, or a whole answer of our own, as HTTP/1.1 writes it.
    virtual Done write_text(std::string_view, Duration patience) = 0;
    // A head, which goes out with the first piece of content, be it empty. Whether the connection can be used
    // again after a whole answer.
    virtual bool begin(const ResponseHead&, const ToClient&) = 0;
    virtual void begin(std::string head_of_our_own, bool chunked) = 0;
    // Empty: it has gone at once, or cannot go (`error`). Else it stays where it is until that is done.
    virtual std::optional<Done> write_content(std::string_view piece, bool last, Duration patience,
                                              boost::system::error_code& error) = 0;
    virtual void break_off() = 0;  // there is no more of it: the client must see that something is missing

    // --- a WebSocket. What is written first is an answer as HTTP/1.1 writes it: the 101, or a refusal.
    virtual Duplex& duplex() = 0;
    virtual std::string take_early() = 0;  // octets that came behind the request's head

protected:
    ~Client() = default;
};

}  // namespace proxy
