// One stream of an HTTP/2 connection: the client of one request, and the transport of its WebSocket if it is
// one. What is read waits here until it is taken, and the peer's window opens only then; what is written is
// taken from where it lies, when nghttp2 has room for it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proxy/gate.hpp"
#include "proxy/traffic/client.hpp"
#include "proxy/traffic/h2_fields.hpp"
#include "proxy/traffic/h2_head.hpp"

namespace proxy {

class H2Session;

class H2Stream final : public std::enable_shared_from_this<H2Stream>, public Client, public Duplex {
public:
    H2Stream(std::shared_ptr<H2Session>, std::int32_t id, const HeadLimits&, std::size_t head_octets);

    std::int32_t id() const { return id_; }
    H2Head& fields() { return fields_; }
    // The whole head, once; from then on its content is counted against what it announces.
    std::variant<RequestHead, HeadError> take_head();

    // --- what nghttp2 says; nobody else runs before these return
    void receive(std::string_view content);
    void received_end(bool with_head);
    void sent_end();
    void closed();
    // What a head that nghttp2 has been told of has behind its status; in their order, interim ones first.
    void add_block(std::string block);
    std::string take_block();
    // Octets to be sent now, and that these were.
    std::string_view outgoing() const;
    bool ends_after_these() const { return last_; }
    void sent(std::size_t octets);

    bool has_sent_end() const { return sent_end_; }
    bool is_closed() const { return closed_; }
    bool is_served() const { return served_; }  // a visit is under way
    void set_served(bool served) { served_ = served; }
    // When the visit is over: what is left is sent, and what is open of the stream is ended then.
    bool ends_by_itself() const;
    asio::awaitable<void> finished();
    void finish();
    void refuse_as_malformed() {
        malformed_ = true;
        wake_reader();
    }

    // --- the client of a request
    Content take_content(ContentTaker&) override;
    std::uint64_t announced_content() const override { return length_ - std::min(length_, taken_); }
    Done content_or_departure(TimePoint until) override { return readable(until); }
    void watch(std::function<void()> on_departure) override;
    void stop_watching() override { on_departure_ = nullptr; }
    Done write_text(std::string_view, Duration patience) override;
    bool begin(const ResponseHead&, const ToClient&) override;
    void begin(std::string head_of_our_own, bool chunked) override;
    std::optional<Done> write_content(std::string_view piece, bool last, Duration patience,
                                      boost::system::error_code& error) override;
    void break_off() override { broken_off_ = true; }
    Duplex& duplex() override { return *this; }
    std::string take_early() override { return {}; }

    // --- a WebSocket's transport, h2_duplex.cpp
    Executor executor() override;
    std::optional<Read> try_read(std::span<char> into) override;
    std::optional<Read> try_write(std::string_view octets) override;
    Done readable(TimePoint deadline) override;
    Done writable(TimePoint deadline) override;
    void call_when(bool readable, std::function<void(boost::system::error_code)>) override;
    void set_deadline(TimePoint) override;
    void end_reading_at(TimePoint) override;
    void interrupt() override;
    void end_writing() override;
    void close() override;
    void give_up_after(std::chrono::milliseconds) override;

private:
    using Call = std::function<void(boost::system::error_code)>;
    using Alarm = std::optional<Waiter::Timer>;  // made when somebody waits, which most streams never do

    Waiter::Timer& set(Alarm&, TimePoint at);
    static void ring(Alarm& alarm) {
        if (alarm) alarm->cancel();
    }
    bool may_read() const { return !inbox_.empty() || received_end_ || closed_ || malformed_; }
    bool may_write() const { return closed_ || outbox_.size() - outbox_sent_ < most_in_outbox; }
    asio::awaitable<boost::system::error_code> until(bool reading, TimePoint deadline);
    void submit(bool with_content);
    bool is_writing() const;
    Done until_written(Duration patience);
    boost::system::error_code end_writing_piece();
    void wake_reader();
    void wake_writer();
    void call(Call&, boost::system::error_code);

    static constexpr std::size_t most_in_outbox = 64 << 10;

    std::shared_ptr<H2Session> session_;
    const std::int32_t id_;
    H2Head fields_;

    // --- from the client
    std::string inbox_;
    std::uint64_t taken_ = 0, length_ = 0;
    bool sized_ = false, no_content_ = false, received_end_ = false, closed_ = false, malformed_ = false,
         served_ = false;
    Alarm reader_;  // who waits to read
    TimePoint reader_until_ = TimePoint::max();
    std::function<void()> on_departure_;

    // --- to the client
    H2Fields head_;
    std::optional<std::string> block_;
    std::vector<std::string> earlier_blocks_;
    std::string_view piece_;  // of the answer, in somebody's hands who waits until it is sent
    bool last_ = false, submitted_ = false, sent_end_ = false, broken_off_ = false;
    TimePoint progress_{};
    Alarm writer_;

    // --- a WebSocket's
    std::string answer_head_, outbox_;
    std::size_t outbox_sent_ = 0;
    bool answered_ = false, interrupted_ = false;
    Call read_call_, write_call_;
    Alarm call_deadline_;
};

}  // namespace proxy
