#include "proxy/traffic/h2_stream.hpp"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <boost/asio.hpp>
#include <utility>

#include "proxy/traffic/h2_session.hpp"
#include "proxy/traffic/websocket_key.hpp"

namespace proxy {

using boost::system::error_code;

namespace {
constexpr std::chrono::seconds last_words{5};  // of a WebSocket, to a client who takes them slowly
}

H2Stream::H2Stream(std::shared_ptr<H2Session> session, std::int32_t id, const HeadLimits& limits,
                   std::size_t head_octets)
    : session_(std::move(session)), id_(id), fields_(limits, head_octets) {}

Waiter::Timer& H2Stream::set(Alarm& alarm, TimePoint at) {
    if (!alarm) return alarm.emplace(session_->io(), at);
    alarm->expires_at(at);
    return *alarm;
}

std::variant<RequestHead, HeadError> H2Stream::take_head() {
    const auto key = fields_.asks_for_websocket() ? new_websocket_key() : std::string{};
    auto parsed = fields_.finish(no_content_, key);
    fields_ = H2Head({}, 0);
    const auto* head = std::get_if<RequestHead>(&parsed);
    malformed_ = malformed_ || head == nullptr;  // what came behind it may have been wrong already
    sized_ = head != nullptr && head->framing() == Framing::sized;
    if (sized_) length_ = head->content_length();
    return parsed;
}

// --- what nghttp2 says

void H2Stream::receive(std::string_view content) {
    inbox_ += content;
    wake_reader();
}

void H2Stream::received_end(bool with_head) {
    no_content_ = with_head;
    received_end_ = true;
    wake_reader();
}

void H2Stream::sent_end() {
    sent_end_ = true;
    wake_writer();
}

void H2Stream::closed() {
    if (std::exchange(closed_, true)) return;
    if (!sent_end_ && on_departure_) std::exchange(on_departure_, nullptr)();
    wake_reader();
    wake_writer();
}

void H2Stream::add_block(std::string block) {
    if (block_) earlier_blocks_.push_back(std::move(*block_));
    block_ = std::move(block);
}

std::string H2Stream::take_block() {
    if (earlier_blocks_.empty()) return std::exchange(block_, std::nullopt).value_or(std::string{});
    auto block = std::move(earlier_blocks_.front());
    earlier_blocks_.erase(earlier_blocks_.begin());
    return block;
}

std::string_view H2Stream::outgoing() const {
    return piece_.empty() ? std::string_view(outbox_).substr(outbox_sent_) : piece_;
}

void H2Stream::sent(std::size_t octets) {
    progress_ = Clock::now();
    if (!piece_.empty()) {
        piece_.remove_prefix(octets);
    } else {
        outbox_sent_ += octets;
        if (outbox_sent_ == outbox_.size()) outbox_.clear(), outbox_sent_ = 0;
    }
    wake_writer();
}

// --- the client of a request

Client::Content H2Stream::take_content(ContentTaker& taker) {
    const auto octets = std::exchange(inbox_, {});
    if (!octets.empty()) {
        taker.take(octets);
        taken_ += octets.size();
        session_->consumed(id_, octets.size());
    }
    // RFC 9113 section 8.1.1
    malformed_ = malformed_ || (sized_ && (taken_ > length_ || (received_end_ && taken_ != length_)));
    if (malformed_) return Content::malformed;
    if (received_end_) return Content::whole;
    if (closed_) return Content::gone;
    return octets.empty() ? Content::none_yet : Content::some;
}

void H2Stream::watch(std::function<void()> on_departure) {
    on_departure_ = std::move(on_departure);
    if (closed_)
        asio::post(session_->io(), [self = shared_from_this()] {
            if (self->on_departure_) std::exchange(self->on_departure_, nullptr)();
        });
}

Client::Done H2Stream::write_text(std::string_view text, Duration patience) {
    const auto end = text.find("\r\n\r\n");
    head_ = H2Fields(text.substr(0, end + 2));
    if (head_.interim()) {
        if (!closed_) session_->submit_interim(*this, std::exchange(head_, {}));
        if (closed_) co_return asio::error::connection_reset;
        co_return error_code{};
    }
    error_code error;
    auto going = write_content(text.substr(end + 4), true, patience, error);
    if (going) error = co_await std::move(*going);
    co_return error;
}

bool H2Stream::begin(const ResponseHead& response, const ToClient& to) {
    head_ = fields_for_client(response, to);
    return true;
}

void H2Stream::begin(std::string head_of_our_own, bool) {
    head_ = H2Fields(head_of_our_own);
}

std::optional<Client::Done> H2Stream::write_content(std::string_view piece, bool last, Duration patience,
                                                    error_code& error) {
    piece_ = piece;
    last_ = last;
    progress_ = Clock::now();
    submit(!last || !piece.empty());
    if (is_writing()) return until_written(patience);
    error = end_writing_piece();
    return std::nullopt;
}

bool H2Stream::is_writing() const {
    return !closed_ && !sent_end_ && (!piece_.empty() || last_);
}

Client::Done H2Stream::until_written(Duration patience) {
    while (is_writing()) {
        const auto deadline = progress_ + patience;
        if (Clock::now() >= deadline) break;
        co_await set(writer_, deadline).async_wait(asio::as_tuple(asio::use_awaitable));
    }
    co_return end_writing_piece();
}

error_code H2Stream::end_writing_piece() {
    const bool done = last_ ? sent_end_ : piece_.empty() && !closed_;
    piece_ = {};
    if (done) return {};
    if (closed_) return asio::error::connection_reset;
    last_ = false;  // or what is missing would be taken for nothing
    session_->reset(id_, NGHTTP2_CANCEL);
    return asio::error::timed_out;
}

// The head if it was not sent yet, and whatever there is behind it.
void H2Stream::submit(bool with_content) {
    if (closed_) return;
    if (submitted_)
        session_->resume(id_);
    else
        session_->submit(*this, std::exchange(head_, {}), with_content);
    submitted_ = true;
}

bool H2Stream::ends_by_itself() const {
    return !closed_ && !sent_end_ && last_ && !broken_off_ && !interrupted_;
}

asio::awaitable<void> H2Stream::finished() {
    const auto deadline = Clock::now() + last_words;
    while (ends_by_itself() && Clock::now() < deadline)
        co_await set(writer_, deadline).async_wait(asio::as_tuple(asio::use_awaitable));
}

void H2Stream::finish() {
    on_departure_ = nullptr;
    if (closed_) return;
    if (malformed_)
        session_->reset(id_, NGHTTP2_PROTOCOL_ERROR);
    else if (!sent_end_)
        session_->reset(id_, broken_off_ ? NGHTTP2_INTERNAL_ERROR : NGHTTP2_CANCEL);
    else if (!received_end_)
        session_->reset(id_, NGHTTP2_NO_ERROR);  // RFC 9113 section 8.1: the answer is whole all the same
}

}  // namespace proxy
