// What the two halves of a Gradio event share: the client's, which ends with the client, and the pod's, which
// ends with the pod's work. Both run on one worker thread.
#pragma once

#include <chrono>
#include <deque>
#include <optional>
#include <string>

#include "proxy/traffic/gradio_socket.hpp"
#include "proxy/traffic/spool.hpp"
#include "proxy/traffic/websocket.hpp"

namespace proxy {

inline constexpr std::size_t gradio_piece = 64 << 10;  // of a long message, at a time
inline constexpr std::chrono::seconds gradio_closing_time{5};

struct GradioConversation {
    GradioConversation(Worker& by, Duplex& client, std::string early, GradioSocket what)
        : worker(by),
          transport(client),
          web_socket(std::in_place, client, std::move(early)),
          asked(std::move(what)),
          frame(asked.routing->request_spool),
          out(asked.routing->response_spool),
          changed(by.io(), TimePoint::max()) {}

    // --- the pod's half says
    void say(std::string_view text);  // one whole message for the client
    void begin(bool text);            // or one in pieces
    void append(std::string_view piece);
    void end();
    void finish(websocket::close_code, std::string_view reason);  // after all that was said; the first counts
    // Why there is no (more) answer: in words while nothing of the pod's work was passed on, else by a broken
    // conversation. Never an invented end.
    void fail(Refusal, std::string in_words);

    bool nobody_listens() const { return client_left || ending.has_value(); }
    void notify() { changed.cancel(); }

    // --- the client's half
    void leave();

    Worker& worker;
    Duplex& transport;
    std::optional<WebSocket> web_socket;  // as long as the client's half has its socket
    GradioSocket asked;

    // Set before the pod's half begins.
    std::string hash_message;  // the client's, word for word
    Spool frame;               // its data, likewise
    std::string session_hash;
    std::vector<std::string> names;  // under which the task's place in the queue is asked for

    // Messages to the client: the octets, and where each one ends.
    struct Message {
        std::uint64_t size = 0;
        bool text = true, whole = false;
    };
    Spool out;
    std::deque<Message> messages;
    std::optional<websocket::close_reason> ending;
    bool output = false;  // something of the pod's work was passed on

    std::shared_ptr<Waiter> waiting;  // while it waits for a slot
    bool working = false;             // a pod has the slot and may work on it

    bool client_left = false;
    bool reading = false;  // somebody still reads from the client
    GradioResult result;
    Waiter::Timer changed;
};

}  // namespace proxy
