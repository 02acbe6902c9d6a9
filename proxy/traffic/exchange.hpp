// What the two halves of a request share: the errand, which ends with the pod, and the delivery, which ends
// with the client. Both run on one worker thread. Whoever changes something says notify().
#pragma once

#include <optional>
#include <string>

#include "proxy/service.hpp"
#include "proxy/traffic/head.hpp"
#include "proxy/traffic/refusal.hpp"
#include "proxy/traffic/spool.hpp"

namespace proxy {

struct Exchange {
    Exchange(asio::io_context& io, std::shared_ptr<const Routing> by, std::shared_ptr<const Service> to,
             RequestHead request)
        : routing(std::move(by)),
          service(std::move(to)),
          head(std::move(request)),
          body(routing->request_spool),
          answer(routing->response_spool),
          changed(io, TimePoint::max()) {}

    void notify() { changed.cancel(); }
    void fail(Refusal why, std::string in_words) {
        if (!failure) failure = why, detail = std::move(in_words);
        notify();
    }
    bool nobody_listens() const { return client_left || failure.has_value(); }

    // Set before the errand begins.
    std::shared_ptr<const Routing> routing;
    std::shared_ptr<const Service> service;
    RequestHead head;
    Spool body;
    std::string head_for_pod;

    // The errand's.
    std::shared_ptr<const Backend> backend;  // of the last attempt
    std::optional<ResponseHead> response;
    Spool answer;
    bool complete = false;           // the whole answer is in the spool
    std::optional<Refusal> failure;  // there will be no (more) answer
    std::string detail;
    int retries = 0;
    bool borrowed = false;
    router::Waited waited;
    TimePoint handed_over{}, answered{}, pod_done{};

    std::shared_ptr<Waiter> waiting;  // while it waits for another pod

    // The delivery's.
    bool client_left = false;
    void leave() {
        client_left = true;
        if (waiting) waiting->ring();
        notify();
    }

    Waiter::Timer changed;
};

}  // namespace proxy
