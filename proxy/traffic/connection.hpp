// One client connection of HTTP/1.1: reads requests one after the other, and is the client of each on its
// way. Lives on one worker. What it goes by because of its listener is in at_the_door.cpp.
#pragma once

#include <memory>
#include <string>

#include "proxy/traffic/body.hpp"
#include "proxy/traffic/client.hpp"
#include "proxy/traffic/visit.hpp"
#include "proxy/traffic/worker.hpp"

namespace proxy {

class H2Session;

class Connection : public std::enable_shared_from_this<Connection>, private Client {
public:
    Connection(Worker&, Socket, std::shared_ptr<const Door>, std::string early = {});
    ~Connection();

    void start();
    void drain();  // no further request: closed now if it is between two
    void close();  // now, whatever it does
    void
    move_on();  // to another gateway, if the worker says so and it is between two requests; else as drain()

private:
    using Next = Visit::Next;

    bool may_pass() const;
    bool pass();        // false: it stays
    void abandon();     // it failed: its answer may be half written
    bool take_place();  // false: its peer has enough connections
    asio::awaitable<void> run();
    asio::awaitable<bool> greet();  // PROXY header, TLS; false: it is over
    asio::awaitable<void> serve_requests();
    asio::awaitable<void> serve_http2();
    asio::awaitable<Next> serve(RequestHead);
    asio::awaitable<std::size_t> read_head();  // its length at the front of in_; 0: the connection is over
    void drop_from_in(std::size_t octets);
    asio::awaitable<Next> turn_away(Refusal, std::string_view detail, int status = 0);
    asio::awaitable<void> linger();

    // --- the client of a request
    Content take_content(ContentTaker&) override;
    std::uint64_t announced_content() const override { return body_.announced(); }
    Done content_or_departure(TimePoint until) override { return stream_.readable(until); }
    void watch(std::function<void()> on_departure) override;
    void stop_watching() override;
    Done write_text(std::string_view text, Duration patience) override {
        return stream_.write({text}, patience);
    }
    bool begin(const ResponseHead&, const ToClient&) override;
    void begin(std::string head_of_our_own, bool chunked) override;
    std::optional<Done> write_content(std::string_view piece, bool last, Duration patience,
                                      boost::system::error_code& error) override;
    void break_off() override;
    Duplex& duplex() override { return stream_; }
    std::string take_early() override { return std::exchange(in_, {}); }

    void keep_watching();
    bool may_be_http2() const {  // by prior knowledge, RFC 9113 section 3.3
        return first_ && !stream_.tls() && (!arrival_.door || arrival_.door->http2);
    }

    Worker& worker_;
    Stream stream_;
    Arrival arrival_;
    Peers::Place place_;
    std::string in_;  // octets read and not used yet
    BodyDecoder body_{Framing::none, 0};
    std::string head_, chunk_;  // of the answer, on their way out
    std::function<void()> on_departure_;
    std::weak_ptr<H2Session> http2_;
    bool watching_ = false;
    std::uint64_t watches_ = 0;  // begun so far: a call for an earlier one may still be on its way
    bool between_requests_ = true;
    bool waited_ = true;  // for the client, since the last request: others have had their turn
    bool first_ = true;
    bool chunked_ = false, ends_by_itself_ = false;  // the answer
};

}  // namespace proxy
