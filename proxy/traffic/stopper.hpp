// on-disconnect: interrupt. Tells a pod to stop the work of a client who has left. An interrupt hits whatever
// runs, so it is sent only while this request holds the slot, and the slot is not passed on while one of them
// is unanswered. One that comes before the work has begun is lost (`state.begin` of A1111's modules/shared.py
// clears the flag), so they are repeated until the pod has answered the request.
#pragma once

#include <memory>
#include <optional>

#include "proxy/traffic/ask.hpp"
#include "proxy/traffic/exchange.hpp"

namespace proxy {

// What stops a request to that path; empty: nothing that is known.
std::optional<Question> interrupt_for(const RequestHead&);
Question webui_interrupt(std::string_view host);  // of A1111, Forge and SD.Next

class Stopper {
public:
    // `pod` stays there as long as the lease that the caller holds.
    Stopper(Worker& worker, Question question, std::shared_ptr<const Backend> pod);
    ~Stopper();
    Stopper(const Stopper&) = delete;

    void begin();                      // the client has left
    asio::awaitable<void> finished();  // the pod has answered: no further one, and the last one is over

private:
    struct State;
    static asio::awaitable<void> run(std::shared_ptr<State>);
    std::shared_ptr<State> state_;
};

}  // namespace proxy
