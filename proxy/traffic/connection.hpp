// One client connection: reads requests one after the other, hands each to its service, delivers the answer
// at the client's pace. Lives on one worker.
#pragma once

#include <memory>
#include <string>

#include "proxy/access_log.hpp"
#include "proxy/traffic/body.hpp"
#include "proxy/traffic/exchange.hpp"
#include "proxy/traffic/worker.hpp"

namespace proxy {

class Connection : public std::enable_shared_from_this<Connection> {
public:
    Connection(Worker&, Socket);
    ~Connection();

    void start();
    void drain();  // no further request: closed now if it is between two
    void close();  // now, whatever it does

private:
    enum class Next { another, lingering_close, close };

    asio::awaitable<void> run();
    asio::awaitable<std::size_t> read_head();  // its length at the front of in_; 0: the connection is over
    asio::awaitable<Next> serve(RequestHead);
    asio::awaitable<void> converse(Exchange&, RequestRecord&);
    asio::awaitable<bool> read_body(Exchange&, RequestRecord&);  // false: refused or gone, see refused_
    asio::awaitable<Lease> acquire(const Service&, const std::optional<Binding>&, std::uint64_t bytes);
    asio::awaitable<Next> deliver(Exchange&, RequestRecord&, const std::string& cookie, bool keep_alive);
    asio::awaitable<Next> refuse(Refusal, const RequestHead*, RequestRecord&, std::string_view detail,
                                 int status = 0, bool body_unread = false);
    asio::awaitable<void> linger();

    std::optional<Binding> binding_of(const Service&, const RequestHead&) const;
    std::string cookie_for(const Service&, const std::optional<Binding>&, const Exchange&) const;
    std::string request_for(const RequestHead&, const Service&, const Exchange&,
                            std::string_view request_id) const;
    void log(const Exchange*, RequestRecord&, TimePoint began);

    // Between a request's body and the end of its answer somebody must notice when the client leaves.
    void watch(std::function<void()> on_departure);
    void keep_watching();
    void stop_watching();

    Worker& worker_;
    Stream stream_;
    std::string peer_;
    asio::ip::address peer_address_;
    std::string in_;  // octets read and not used yet
    std::function<void()> on_departure_;
    std::uint64_t sent_ = 0;
    bool watching_ = false;
    bool departed_ = false;
    bool between_requests_ = true;
    bool first_ = true;
};

}  // namespace proxy
