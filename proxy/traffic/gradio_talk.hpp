// One try of a Gradio event at one pod: a WebSocket of its own, on which we play the client with the messages
// that the real one has given us.
#pragma once

#include <memory>

#include "proxy/traffic/gradio_conversation.hpp"
#include "proxy/traffic/gradio_messages.hpp"

namespace proxy {

enum class GradioOutcome {
    under_way,
    completed,   // process_completed was passed on
    closed,      // the pod ended it in order, without one
    unsent,      // no connection: nothing reached the pod
    exhausted,   // no connection, for want of descriptors or memory: it is us, not the pod
    declined,    // it does not speak with this client: see declined_status()
    died,        // nothing of its work was passed on
    broken_off,  // something was
    hung,
    frame_lost  // the event's data, on our disk
};

class GradioTalk : public std::enable_shared_from_this<GradioTalk> {
public:
    // `lease`: empty for a light event. It is released the moment the pod's work is done.
    GradioTalk(GradioConversation&, std::shared_ptr<const Backend>, Lease* lease);

    asio::awaitable<GradioOutcome> run();
    int declined_status() const { return declined_status_; }

private:
    asio::awaitable<GradioOutcome> connect();
    asio::awaitable<GradioOutcome> shake_hands();
    asio::awaitable<GradioOutcome> listen();
    asio::awaitable<GradioOutcome> take(std::string_view piece);
    asio::awaitable<GradioOutcome> whole_message();
    asio::awaitable<bool> send(std::string_view piece, bool last);
    asio::awaitable<GradioOutcome> send_frame();
    void pass_on(GradioKind);
    void completed();
    GradioOutcome ended(boost::system::error_code);
    GradioOutcome broken() const;
    void begin_clock();
    void late();

    GradioConversation& c_;
    std::shared_ptr<const Backend> backend_;
    Lease* lease_;
    std::unique_ptr<PodConnection> connection_;
    std::optional<WebSocket> ws_;
    Waiter::Timer clock_;
    GradioReader reader_;
    std::string held_;  // the front of a message whose kind is not known yet
    bool passing_ = false;
    bool completed_ = false, over_ = false;
    bool hung_ = false;  // past its timeout; it may still come back
    int declined_status_ = 0;
};

}  // namespace proxy
