// A connection of HTTP/2 (RFC 9113). nghttp2 reads and writes the frames; what drives it is here: one
// coroutine reads from the client and feeds it, one takes what it has to say and writes it, and one for each
// request. nghttp2 calls back while it is fed or asked, and nothing that happens then calls it in turn: the
// streams note what came, and who waits for it runs afterwards.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "proxy/bounds/rate_allowance.hpp"
#include "proxy/traffic/client.hpp"
#include "proxy/traffic/h2_fields.hpp"
#include "proxy/traffic/signal.hpp"
#include "proxy/traffic/worker.hpp"

struct nghttp2_session;

namespace proxy {

inline constexpr std::size_t frame_head_size = 9;  // RFC 9113 section 4.1

class H2Stream;

class H2Session : public std::enable_shared_from_this<H2Session> {
public:
    // `owner` has the stream and the arrival, and lives as long as this.
    H2Session(Worker&, Stream&, const Arrival&, std::shared_ptr<void> owner);
    ~H2Session();

    // Until the connection is over. `early` has been read already. True: something was said that must not be
    // lost, so linger.
    asio::awaitable<bool> run(std::string early);
    void drain();  // no further request; those under way are finished

    // --- for its streams
    asio::io_context& io() { return worker_.io(); }
    void submit(H2Stream&, H2Fields, bool with_content);
    void submit_interim(H2Stream&, H2Fields);
    void resume(std::int32_t id);  // there is something to be sent
    void consumed(std::int32_t id, std::size_t octets);
    void reset(std::int32_t id, std::uint32_t why);
    void give_up_after(std::chrono::milliseconds unconfirmed) { stream_.give_up_after(unconfirmed); }

private:
    friend struct H2Callbacks;
    using Streams = std::unordered_map<std::int32_t, std::shared_ptr<H2Stream>>;
    struct Ending {  // also of a frame that is unwound: nobody waits on
        H2Session& mine;
        ~Ending() { mine.abandon(); }
    };

    bool begin();  // false: no memory
    bool feed(std::string_view octets);
    void settle();
    void abandon();
    void writer_ended(std::exception_ptr);
    void start(std::shared_ptr<H2Stream>);
    static asio::awaitable<void> serve(std::shared_ptr<H2Session>, std::shared_ptr<H2Stream>);
    asio::awaitable<void> turn_away(H2Stream&, HeadError);
    static asio::awaitable<void> write(std::shared_ptr<H2Session>);
    std::string_view write_at_once(std::string_view octets);
    void collect();
    void collect_frame(std::string_view frame);
    void say();
    void kick();
    void end(std::uint32_t why);
    bool is_late(TimePoint now);
    TimePoint deadline() const;
    void is_idle();
    H2Stream* find(std::int32_t id);
    bool is_open(std::int32_t id);

    Worker& worker_;
    Stream& stream_;
    const Arrival& arrival_;
    std::shared_ptr<void> owner_;
    nghttp2_session* nghttp2_ = nullptr;
    Streams streams_;

    // --- noted in callbacks, settled after them
    std::vector<std::shared_ptr<H2Stream>> whole_heads_, closed_;
    std::size_t received_ = 0;     // octets of content
    std::size_t updates_due_ = 0;  // WINDOW_UPDATE frames, for what was sent
    std::int32_t last_stream_ = 0;
    bool too_much_ = false;
    RateAllowance resets_, control_frames_;

    // --- the reader
    std::optional<Idle> idle_;
    TimePoint idle_since_ = Clock::now();
    std::optional<TimePoint> head_began_;
    bool any_request_ = false, draining_ = false;

    // --- the writer
    std::string out_;  // frames on their way to the socket, as many as one write takes
    bool writing_ = false;
    Signal work_;
    Waiter::Timer parting_;
    bool kicked_ = false, last_words_ = false, over_ = false, writer_ended_ = false;
};

}  // namespace proxy
