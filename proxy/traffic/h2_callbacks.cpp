#include "proxy/traffic/h2_callbacks.hpp"

#include <algorithm>

#include "proxy/traffic/h2_stream.hpp"

namespace proxy {
namespace {

constexpr std::size_t served_at_once =
    2;  // times the streams that may be open: those that were reset just end

constexpr std::size_t most_at_once = 96
                                     << 10;  // octets in one write: its limit, and the frame that passes it

// With its head as long as a record of TLS may be, and some of them as a write: else each write would end in
// a record of a few octets.
constexpr std::size_t most_in_a_frame = (16 << 10) - frame_head_size;

// How often a peer may say that it has taken what we sent: of the stream and of the connection, and in small
// steps if it likes.
constexpr std::size_t updates_a_frame = 2, octets_an_update = 1 << 10;

H2Session& session_of(void* user_data) {
    return *static_cast<H2Session*>(user_data);
}

std::string_view text(const std::uint8_t* octets, std::size_t size) {
    return {reinterpret_cast<const char*>(octets), size};
}

bool ends_stream(const nghttp2_frame& frame) {
    return (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
}

bool is_request(const nghttp2_frame& frame) {
    return frame.hd.type == NGHTTP2_HEADERS && frame.headers.cat == NGHTTP2_HCAT_REQUEST;
}

// C has no exceptions. What fails here is memory: the connection ends.
template <class Body>
int guarded(Body body) noexcept {
    try {
        return body();
    } catch (...) {
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
}

}  // namespace

const nghttp2_session_callbacks* H2Callbacks::table() {
    static const auto all = [] {
        nghttp2_session_callbacks* callbacks = nullptr;
        if (nghttp2_session_callbacks_new(&callbacks) != 0) throw std::bad_alloc();
        nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, frame_began);
        nghttp2_session_callbacks_set_unpack_extension_callback(
            callbacks, [](nghttp2_session*, void**, const nghttp2_frame_hd*, void*) -> int {
                return NGHTTP2_ERR_CANCEL;  // no such frame says anything to us
            });
        nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, frame_refused);
        nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, begin_headers);
        nghttp2_session_callbacks_set_on_header_callback(callbacks, header);
        nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, frame_received);
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, data);
        nghttp2_session_callbacks_set_send_data_callback(callbacks, send_content);
        nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, frame_sent);
        nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, stream_closed);
        return callbacks;
    }();
    return all;
}

// It costs us, and moves no request on.
void H2Callbacks::takes_our_time(H2Session& session) {
    if (!session.control_frames_.take(Clock::now())) session.too_much_ = true;
}

// Of every frame but content of a stream that is over, which nghttp2 passes over without a word.
int H2Callbacks::frame_began(nghttp2_session*, const nghttp2_frame_hd* head, void* user_data) {
    return guarded([&] {
        auto& session = session_of(user_data);
        const bool of_nothing = head->stream_id <= session.last_stream_ && !session.is_open(head->stream_id);
        switch (head->type) {
            case NGHTTP2_HEADERS:
            case NGHTTP2_RST_STREAM:
                if (of_nothing) takes_our_time(session);
                session.last_stream_ = std::max(session.last_stream_, head->stream_id);
                break;
            case NGHTTP2_WINDOW_UPDATE:  // who takes what we send says so
                if (session.updates_due_ > 0)
                    --session.updates_due_;
                else
                    takes_our_time(session);
                break;
            case NGHTTP2_DATA:
            case NGHTTP2_CONTINUATION:
                break;
            default:  // PING, SETTINGS, PRIORITY, GOAWAY, whatever there may be
                takes_our_time(session);
        }
        return 0;
    });
}

// As one that asks for a stream too many.
int H2Callbacks::frame_refused(nghttp2_session*, const nghttp2_frame*, int, void* user_data) {
    return guarded([&] {
        takes_our_time(session_of(user_data));
        return 0;
    });
}

int H2Callbacks::begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* user_data) {
    return guarded([&] {
        auto& session = session_of(user_data);
        session.head_began_ = Clock::now();
        if (!is_request(*frame)) return 0;  // trailers: looked at, bounded by nghttp2, and dropped
        const auto& routing = *session.worker_.routing();
        if (session.streams_.size() >= served_at_once * routing.limits.http2_streams)
            return int{NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE};
        const auto id = frame->hd.stream_id;
        session.streams_.emplace(
            id, std::make_shared<H2Stream>(session.shared_from_this(), id, routing.head_limits,
                                           routing.limits.head_bytes));
        session.idle_.reset();
        return 0;
    });
}

int H2Callbacks::header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                        std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                        std::uint8_t, void* user_data) {
    return guarded([&] {
        auto* stream = session_of(user_data).find(frame->hd.stream_id);
        if (stream == nullptr) return 0;
        if (is_request(*frame))
            stream->fields().add(text(name, name_size), text(value, value_size));
        else if (!H2Head::is_trailer(text(name, name_size), text(value, value_size)))
            stream->refuse_as_malformed();
        return 0;
    });
}

int H2Callbacks::frame_received(nghttp2_session*, const nghttp2_frame* frame, void* user_data) {
    return guarded([&] {
        received(session_of(user_data), *frame);
        return 0;
    });
}

void H2Callbacks::received(H2Session& session, const nghttp2_frame& frame) {
    auto* stream = session.find(frame.hd.stream_id);
    switch (frame.hd.type) {
        case NGHTTP2_HEADERS:
            headers_received(session, frame);
            break;
        case NGHTTP2_DATA:
            if (ends_stream(frame) && stream != nullptr) stream->received_end(false);
            if (frame.hd.length == frame.data.padlen && !ends_stream(frame)) takes_our_time(session);
            break;
        case NGHTTP2_RST_STREAM:
            if (stream != nullptr && !stream->has_sent_end() && !session.resets_.take(Clock::now()))
                session.too_much_ = true;
            break;
        default:
            break;
    }
}

void H2Callbacks::headers_received(H2Session& session, const nghttp2_frame& frame) {
    session.head_began_.reset();
    const auto found = session.streams_.find(frame.hd.stream_id);
    if (found == session.streams_.end()) return;
    auto& stream = *found->second;
    if (ends_stream(frame)) stream.received_end(is_request(frame));
    if (is_request(frame))
        session.whole_heads_.push_back(found->second);
    else if (!ends_stream(frame))
        stream.refuse_as_malformed();  // trailers are the end, RFC 9113 section 8.1
}

int H2Callbacks::data(nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* octets,
                      std::size_t size, void* user_data) {
    return guarded([&] {
        auto& session = session_of(user_data);
        session.received_ += size;
        if (auto* stream = session.find(id)) stream->receive(text(octets, size));
        return 0;
    });
}

// Says how much; send_content() then takes it from where it lies.
ssize_t H2Callbacks::read_content(nghttp2_session*, std::int32_t, std::uint8_t*, std::size_t room,
                                  std::uint32_t* flags, nghttp2_data_source* source, void*) {
    const auto& stream = *static_cast<const H2Stream*>(source->ptr);
    const auto there = stream.outgoing().size(), octets = std::min({there, room, most_in_a_frame});
    if (octets == there && stream.ends_after_these())
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    else if (octets == 0)
        return NGHTTP2_ERR_DEFERRED;
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    return static_cast<ssize_t>(octets);
}

int H2Callbacks::send_content(nghttp2_session*, nghttp2_frame*, const std::uint8_t* frame_head,
                              std::size_t size, nghttp2_data_source* source, void* user_data) {
    return guarded([&] {
        auto& session = session_of(user_data);
        auto& out = session.out_;
        auto& stream = *static_cast<H2Stream*>(source->ptr);
        const auto octets = stream.outgoing().substr(0, size);
        if (const auto all = out.size() + frame_head_size + size; all > out.capacity())
            out.reserve(std::max(all, std::min(2 * all, most_at_once)));
        out.append(text(frame_head, frame_head_size)).append(octets);
        stream.sent(octets.size());
        session.updates_due_ += updates_a_frame + octets.size() / octets_an_update;
        return 0;
    });
}

int H2Callbacks::frame_sent(nghttp2_session*, const nghttp2_frame* frame, void* user_data) {
    return guarded([&] {
        const bool of_content = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
        if (!of_content || !ends_stream(*frame)) return 0;
        if (auto* stream = session_of(user_data).find(frame->hd.stream_id)) stream->sent_end();
        return 0;
    });
}

int H2Callbacks::stream_closed(nghttp2_session*, std::int32_t id, std::uint32_t, void* user_data) {
    return guarded([&] {
        auto& session = session_of(user_data);
        session.head_began_.reset();
        if (const auto found = session.streams_.find(id); found != session.streams_.end())
            session.closed_.push_back(found->second);
        return 0;
    });
}

}  // namespace proxy
