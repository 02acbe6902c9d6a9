// What the two halves of a request share: the errand, which ends with the pod, and the delivery, which ends
// with the client. Both run on one worker thread. Whoever changes something says notify().
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proxy/service.hpp"
#include "proxy/tracing/trace.hpp"
#include "proxy/traffic/head.hpp"
#include "proxy/traffic/refusal.hpp"
#include "proxy/traffic/signal.hpp"
#include "proxy/traffic/spool.hpp"

namespace proxy {

struct PodConnection;

// Reads along in an answer, octet for octet as the pod sent its content.
struct AnswerListener {
    virtual ~AnswerListener() = default;
    virtual void hear(std::string_view content) = 0;
    virtual void end() = 0;               // the answer is whole
    virtual bool wants_more() const = 0;  // even when the client has left
};

struct Exchange {
    Exchange(asio::io_context& io, std::shared_ptr<const Routing> by, std::shared_ptr<const Service> to,
             RequestHead request)
        : routing(std::move(by)),
          service(std::move(to)),
          head(std::move(request)),
          body(routing->request_spool),
          answer(routing->response_spool),
          changed(io),
          taken(io) {}

    void notify() { changed.notify(); }
    void fail(Refusal why, std::string in_words) {
        if (!failure) failure = why, detail = std::move(in_words);
        notify();
    }
    bool nobody_listens() const { return client_left || failure.has_value(); }

    // Set before the errand begins.
    std::shared_ptr<const Routing> routing;
    std::shared_ptr<const Service> service;
    RequestHead head;
    std::string request_id;
    Spool body;
    std::string head_for_pod;
    std::vector<std::shared_ptr<const Backend>> elsewhere;  // to be asked in turn after a 404
    std::unique_ptr<AnswerListener> listener;
    std::string session_hash;                     // Gradio's, of a J
    std::unique_ptr<Trace> trace;                 // if it is traced
    router::Until until = router::Until::answer;  // when the slot is free
    // Lasts as long as it lasts: no deadline after its head, and it ends with its client.
    bool stream = false;

    // The errand's.
    std::shared_ptr<const Backend> backend;  // of the last attempt
    std::list<std::string> interim;          // heads of 1xx that the client has not been given
    std::optional<ResponseHead> response;
    Spool answer;
    std::unique_ptr<PodConnection> switched;  // after a 101: the tunnel's
    std::string early;                        // what came on it behind the head
    Lease held;                               // a tunnel's, if it has one
    std::optional<Refusal> failure;           // there will be no (more) answer
    std::string detail;
    int retries = 0;
    bool complete = false;  // the whole answer is in the spool
    bool borrowed = false;
    router::Waited waited;
    TimePoint handed_over{}, answered{}, pod_done{};

    std::shared_ptr<Waiter> waiting;  // while it waits for another pod

    std::function<void()> on_departure;  // while it cares

    // The delivery's.
    bool client_left = false;
    void leave() {
        if (client_left) return;
        client_left = true;
        if (waiting) waiting->ring();
        if (on_departure) on_departure();
        taken.notify();
        notify();
    }

    Signal changed;
    Signal taken;  // the client has taken some of the answer
};

}  // namespace proxy
