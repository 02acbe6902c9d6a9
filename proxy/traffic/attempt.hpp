// One try of a request at one pod: connect, send, hear the answer out. Thin: what follows from its outcome is
// the errand's to say.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <optional>
#include <string>

#include "proxy/traffic/body.hpp"
#include "proxy/traffic/exchange.hpp"
#include "proxy/traffic/worker.hpp"

namespace proxy {

enum class Outcome : unsigned char {
    done,
    unsent,     // no connection: nothing reached the pod
    exhausted,  // no connection, for want of descriptors or memory: it is us, not the pod
    stale,  // a connection that had been used before closed without a word: its idle time was over, or the
            // pod died
    died,   // a fresh one did
    broken_off,  // in the middle of the answer
    nonsense,
    hung,
    not_mounted,
    not_here,   // 404, and there are others to ask
    abandoned,  // its client left, and it takes no slot
    switched,   // the connection is a tunnel now
    body_lost   // the request's, on our disk
};

class Attempt {
public:
    // `slotless`: it ends with its client, and the pod is read at the client's pace. `fresh`: no connection
    // that was used before.
    Attempt(Worker& worker, Exchange& exchange, bool slotless, bool fresh)
        : worker_(worker), x_(exchange), slotless_(slotless), fresh_(fresh) {}
    ~Attempt() {
        if (slotless_) x_.on_departure = nullptr;
    }

    asio::awaitable<Outcome> run();
    int status() const { return status_; }  // of an answer that is done

private:
    bool reuse(TimePoint now);  // a connection that was used before
    asio::awaitable<Outcome> connect();
    void begin_clock(TimePoint now);
    bool sent_at_once();  // all of it, as nearly always
    asio::awaitable<bool> send();
    bool has_answered();
    bool too_many_interim_responses();
    bool may_be_used_again(const ResponseHead&) const;
    asio::awaitable<Outcome> receive();
    void begin_body(ResponseHead, std::string_view rest);
    asio::awaitable<Outcome> receive_body();
    Outcome end_body(TimePoint now);
    void hear(std::string_view content);
    Outcome switch_protocols(ResponseHead, std::string_view rest);
    asio::awaitable<void> until_taken();
    bool looks_unmounted(const ResponseHead&) const;
    void keep(std::string_view content);
    void publish(ResponseHead);
    template <class Use>
    asio::awaitable<std::optional<Outcome>> read_some(Use use);
    TimePoint next_deadline() const;
    bool nobody_needs_it() const;
    Outcome nonsense(std::string_view why);

    Worker& worker_;
    Exchange& x_;
    bool slotless_;
    bool fresh_;
    bool reused_ = false;
    std::unique_ptr<PodConnection> connection_;
    std::string early_;  // said by the pod before it had everything
    TimePoint deadline_{}, start_deadline_{};
    std::uint64_t sent_ = 0;     // octets of head and body
    std::size_t this_turn_ = 0;  // octets read without a wait
    std::size_t interim_responses_ = 0;
    bool sent_all_ = false, reusable_ = false, gave_up_ = false;
    bool unasked_ = false;   // it spoke before anything was sent
    bool odd_ = false;       // an interim response announced a body, which it cannot have
    bool said_bye_ = false;  // the pod closed in order: no reset, and not we
    int status_ = 0;
    BodyDecoder decoder_{Framing::none, 0};
    std::optional<ResponseHead> unmounted_;  // its head, if that is what it may mean
    std::string held_back_;                  // and its content
    bool sized_ = false;
};

}  // namespace proxy
