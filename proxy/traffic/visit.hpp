// One request's way: from its head to its service, to a pod, and the answer's back to the client. It lives as
// long as the request and speaks to its client only through Client. The way in is in serve.cpp, what the
// gateway itself answers in serve_waiting.cpp, the answer's way in deliver.cpp.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "proxy/access/keys.hpp"
#include "proxy/access_log.hpp"
#include "proxy/traffic/client.hpp"
#include "proxy/traffic/exchange.hpp"
#include "proxy/traffic/json_peek.hpp"
#include "proxy/traffic/worker.hpp"
#include "proxy/waiting/status.hpp"
#include "router/rules.hpp"

namespace proxy {

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

bool takes_a_slot(router::Class);

class Visit : private ContentTaker {
public:
    // What becomes of the connection, if it carries one request at a time.
    enum class Next : unsigned char { another, lingering_close, close };

    Visit(Worker&, const Arrival&, Client&, const RequestHead&);
    Visit(const Visit&) = delete;
    ~Visit() {  // by an exception: nobody takes the answer
        if (!over_ && exchange_) exchange_->leave();
    }

    asio::awaitable<Next> answer(RequestHead);  // which the visit was made for
    void log();                                 // when it is over

private:
    // --- serve.cpp
    asio::awaitable<Next> answer_options();                               // that may go no further
    asio::awaitable<bool> read_body();                                    // false: refused or gone
    asio::awaitable<bool> refuse_body(Refusal, std::string_view detail);  // false
    void take(std::string_view content) override;
    void prepare();
    void read_members();

    // --- hand_over.cpp
    // To the errand, at once or when there is a pod; else the request is over.
    void start(std::shared_ptr<const Backend>, Lease);
    asio::awaitable<std::optional<Next>> hand_over(std::optional<std::string> own_answer, Unplaced why);
    Placed place_without_slot();
    asio::awaitable<Lease> acquire(TimePoint until);  // not granted by then: it is left
    asio::awaitable<Next> end_of_waiting(Lease&);
    asio::awaitable<Next> result();

    // --- account.cpp
    std::optional<Binding> binding_of(const Service&, const RequestHead&) const;
    std::string request_for_pod() const;

    // --- access.cpp
    asio::awaitable<std::optional<Refusal>> let_in();  // empty: he may come in
    void name_key();

    // --- serve_gradio.cpp
    asio::awaitable<void> converse();

    // --- serve_waiting.cpp
    asio::awaitable<Next> write_own(int status, std::string text);
    asio::awaitable<Next> tell_status(StatusPath);
    asio::awaitable<Next> stream_status(std::string id, StatusContext);
    std::optional<std::string> answer_without_pod();  // whole, of status 200
    std::optional<std::string> progress_of_waiting_task() const;
    std::optional<std::string> heartbeat_too_many();
    bool is_page_view() const;
    TimePoint patience() const;
    asio::awaitable<Next> show_waiting_page();

    // --- at_the_door.cpp
    std::optional<std::string> misdirected(const RequestHead&) const;     // why it is not for this connection
    std::optional<std::string> moved_to_https(const RequestHead&) const;  // the whole answer
    void find_client(const RequestHead&);
    std::string_view door_fields() const;  // of every answer

    // --- deliver.cpp
    asio::awaitable<Next> deliver();
    asio::awaitable<bool> deliver_interim();  // false: the client has left
    asio::awaitable<Next> tunnel_through();
    asio::awaitable<Next> refuse(Refusal, const RequestHead&, std::string_view detail, int status = 0,
                                 bool body_unread = false);
    std::string extra_fields() const;
    void append_cookie_for_client(std::string& out) const;

    // --- traced.cpp
    std::unique_ptr<Trace> begin_trace(const RequestHead&);
    void trace_wait(TimePoint since, Lease&);
    void end_trace();
    void fill(Trace&, const RequestHead&) const;

    // What the record's views show, of a request without an exchange.
    void keep(RequestHead);

    Worker& worker_;
    const Arrival& arrival_;
    Client& client_;
    Counted counted_;
    TimePoint began_ = Clock::now();
    std::shared_ptr<const Routing> routing_;
    RequestRecord record_;
    std::string address_;                 // the client's, behind trusted proxies too
    std::shared_ptr<Exchange> exchange_;  // once its service is known
    router::Classified classified_;
    std::optional<JsonPeek> body_;  // ids in it, if its rule says that there may be some
    Caller caller_;
    std::optional<Heartbeats::Held> heartbeat_;  // if it is one that its browser may hold open
    std::shared_ptr<const AccessKeyState> key_;  // that he came with, where one is asked for
    KeyPlace key_place_;
    std::optional<RequestHead> unrouted_;
    std::size_t taken_this_turn_ = 0;
    bool keep_alive_ = true;
    bool disk_failed_ = false;
    bool departed_ = false;
    bool over_ = false;
};

}  // namespace proxy
