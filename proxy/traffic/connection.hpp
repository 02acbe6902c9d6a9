// One client connection: reads requests one after the other, hands each to its service, delivers the answer
// at the client's pace. Lives on one worker. Here the connection itself; a request's way through it is in
// serve.cpp, the answer's in deliver.cpp.
#pragma once

#include <memory>
#include <string>

#include "proxy/access/keys.hpp"
#include "proxy/access_log.hpp"
#include "proxy/traffic/body.hpp"
#include "proxy/traffic/door.hpp"
#include "proxy/traffic/exchange.hpp"
#include "proxy/traffic/json_peek.hpp"
#include "proxy/traffic/worker.hpp"
#include "proxy/waiting/status.hpp"
#include "router/rules.hpp"

namespace proxy {

class Connection : public std::enable_shared_from_this<Connection> {
public:
    Connection(Worker&, Socket, std::shared_ptr<const Door>);
    ~Connection();

    void start();
    void drain();  // no further request: closed now if it is between two
    void close();  // now, whatever it does

private:
    enum class Next { another, lingering_close, close };

    // A request that a shutdown waits for.
    class Counted {
    public:
        explicit Counted(std::atomic<std::size_t>& requests) : requests_(&requests) { ++requests; }
        Counted(const Counted&) = delete;
        ~Counted() { release(); }
        void release() {
            if (requests_ != nullptr) --*requests_;
            requests_ = nullptr;
        }

    private:
        std::atomic<std::size_t>* requests_;
    };

    // A request on its way.
    struct Visit {
        explicit Visit(Counted& by) : counted(by) {}
        Visit(const Visit&) = delete;
        ~Visit() {  // by an exception: nobody takes the answer
            if (!over && exchange) exchange->leave();
        }
        Counted& counted;
        TimePoint began = Clock::now();
        std::shared_ptr<const Routing> routing;
        RequestRecord record;
        std::string client;                  // its address, behind trusted proxies too
        std::shared_ptr<Exchange> exchange;  // once its service is known
        router::Classified classified;
        std::optional<JsonPeek> body;  // ids in it, if its rule says that there may be some
        Caller caller;
        std::optional<Heartbeats::Held> heartbeat;  // if it is one that its browser may hold open
        bool keep_alive = true;
        bool over = false;
        std::shared_ptr<const AccessKeyState> key;  // that he came with, where one is asked for
        std::optional<RequestHead> unrouted;        // what the record's views show, without an exchange

        void keep(RequestHead head) {
            unrouted = std::move(head);
            record.method = unrouted->method(), record.host = unrouted->host(),
            record.target = unrouted->target();
        }
    };

    void break_off();
    bool take_place();  // false: its peer has enough connections
    asio::awaitable<void> run();
    asio::awaitable<void> serve_requests();
    asio::awaitable<std::size_t> read_head();  // its length at the front of in_; 0: the connection is over
    asio::awaitable<Next> turn_away(Refusal, std::string_view detail, int status = 0);

    // --- serve.cpp
    asio::awaitable<Next> serve(RequestHead, Counted&);
    asio::awaitable<Next> answer(Visit&, RequestHead);
    asio::awaitable<Next> answer_options(Visit&);  // that may go no further
    asio::awaitable<void> converse(Visit&);        // a Gradio event, in serve_gradio.cpp
    asio::awaitable<bool> read_body(Visit&);       // false: refused or gone
    void prepare(Visit&);
    static void read_members(Visit&);
    asio::awaitable<std::optional<Next>> hand_over(Visit&);   // to the errand; else the request is over
    asio::awaitable<Lease> acquire(Visit&, TimePoint until);  // not granted by then: it is left
    asio::awaitable<Next> result(Visit&);
    std::optional<Binding> binding_of(const Service&, const RequestHead&) const;
    std::string request_for(const Visit&) const;
    void log(Visit&);

    // --- access.cpp
    asio::awaitable<std::optional<Refusal>> let_in(Visit&);  // empty: he may come in
    static void name_key(Visit&);

    // --- serve_waiting.cpp
    asio::awaitable<Next> write_own(Visit&, int status, std::string text);
    asio::awaitable<Next> tell_status(Visit&, StatusPath);
    asio::awaitable<Next> stream_status(Visit&, std::string id, StatusContext);
    std::optional<std::string> progress_of_waiting_task(const Visit&) const;
    static std::optional<std::string> heartbeat_too_many(Visit&);
    static bool is_page_view(const Visit&);
    static TimePoint patience_of(const Visit&);
    asio::awaitable<Next> show_waiting_page(Visit&);

    // --- at_the_door.cpp
    asio::awaitable<bool> greet();                                     // PROXY header, TLS; false: it is over
    std::optional<std::string> misdirected(const RequestHead&) const;  // why it is not for this connection
    std::optional<std::string> moved_to_https(const Visit&, const RequestHead&) const;  // the whole answer
    void find_client(Visit&, const RequestHead&) const;
    std::string_view door_fields() const;  // of every answer

    // --- deliver.cpp
    asio::awaitable<Next> deliver(Visit&);
    asio::awaitable<bool> deliver_interim(Exchange&);  // false: the client has left
    asio::awaitable<Next> tunnel_through(Visit&);
    asio::awaitable<Next> refuse(Refusal, const RequestHead*, RequestRecord&, std::string_view detail,
                                 int status = 0, bool body_unread = false);
    std::string extra_fields(const Visit&) const;
    std::string cookie_for(const Visit&) const;

    asio::awaitable<void> linger();

    // Between a request's body and the end of its answer somebody must notice when the client leaves.
    void watch(std::function<void()> on_departure);
    void keep_watching();
    void stop_watching();

    Worker& worker_;
    Stream stream_;
    std::shared_ptr<const Door> door_;
    std::string peer_;  // the client as its connection says, or a trusted proxy's PROXY header
    asio::ip::address peer_address_;
    Peers::Place place_;
    std::string client_certificate_;  // for the pod; empty: none, or not asked for
    std::string in_;                  // octets read and not used yet
    std::function<void()> on_departure_;
    bool watching_ = false;
    bool departed_ = false;
    bool between_requests_ = true;
    bool first_ = true;
};

}  // namespace proxy
