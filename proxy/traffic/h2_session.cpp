#include "proxy/traffic/h2_session.hpp"

#include <fmt/format.h>
#include <malloc.h>
#include <nghttp2/nghttp2.h>

#include <array>
#include <boost/asio.hpp>
#include <cstring>
#include <limits>
#include <new>
#include <stdexcept>
#include <utility>

#include "proxy/bounds/reserve.hpp"
#include "proxy/bounds/what_of.hpp"
#include "proxy/log.hpp"
#include "proxy/traffic/h2_callbacks.hpp"
#include "proxy/traffic/h2_stream.hpp"
#include "proxy/traffic/visit.hpp"

namespace proxy {

using boost::system::error_code;

namespace {

constexpr std::size_t write_limit = 64 << 10;        // octets on their way to the socket
constexpr std::uint32_t stream_window = 128 << 10;   // of content that nobody has taken yet, of one stream
constexpr std::int32_t connection_window = 1 << 20;  // in flight, of all: taken note of at once
constexpr std::size_t most_continuations = 16;       // frames of one head
constexpr std::size_t most_acknowledgements = 1000;  // that a peer leaves unread
constexpr std::chrono::seconds last_words_time{2};

nghttp2_nv status_of(const H2Fields& fields) {
    static constexpr std::string_view name = ":status";
    const auto octets =
        [](std::string_view text) {  // nghttp2 copies, and takes them for mutable all the same
            return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
        };
    const auto value = fields.status();
    return {octets(name), octets(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

// nghttp2's memory, from where the rest of the gateway has its own.
void* take(std::size_t size, void*) {
    return ::operator new(size, std::nothrow);
}
void give(void* memory, void*) {
    ::operator delete(memory);
}
void* take_cleared(std::size_t count, std::size_t size, void*) {
    if (size != 0 && count > std::numeric_limits<std::size_t>::max() / size) return nullptr;
    auto* const memory = take(count * size, nullptr);
    return memory == nullptr ? nullptr : std::memset(memory, 0, count * size);
}
void* resize(void* memory, std::size_t size, void*) {
    const auto there = memory == nullptr ? 0 : malloc_usable_size(memory);
    if (memory != nullptr && size <= there) return memory;
    auto* const larger = take(size, nullptr);
    if (larger == nullptr || memory == nullptr) return larger;
    std::memcpy(larger, memory, there);
    give(memory, nullptr);
    return larger;
}
nghttp2_mem memory{nullptr, take, give, take_cleared, resize};

// Room for what is said, passed on from one connection of a thread to others: who has nothing to say needs
// none.
std::vector<std::string>& spare_rooms() {
    thread_local std::vector<std::string> rooms;
    return rooms;
}

void take_room(std::string& out) {
    auto& rooms = spare_rooms();
    if (rooms.empty() || out.capacity() >= rooms.back().capacity()) return;
    out.swap(rooms.back());
    rooms.pop_back();
}

void give_room(std::string& out) {
    constexpr std::size_t most_rooms = 16, least_octets = 1 << 10, most_octets = 16 << 10;
    auto& rooms = spare_rooms();
    const auto octets = out.capacity();
    if (octets >= least_octets && octets <= most_octets && rooms.size() < most_rooms)
        rooms.push_back(std::move(out));
    std::string().swap(out);
}

}  // namespace

H2Session::H2Session(Worker& worker, Stream& stream, const Arrival& arrival, std::shared_ptr<void> owner)
    : worker_(worker),
      stream_(stream),
      arrival_(arrival),
      owner_(std::move(owner)),
      resets_(worker.routing()->limits.http2_resets, Clock::now()),
      control_frames_(worker.routing()->limits.http2_control_frames, Clock::now()),
      work_(worker.io()),
      parting_(worker.io(), TimePoint::max()) {}

H2Session::~H2Session() {
    nghttp2_session_del(nghttp2_);
}

bool H2Session::begin() {
    const auto& limits = worker_.routing()->limits;
    nghttp2_option* option = nullptr;
    if (nghttp2_option_new(&option) != 0) return false;
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_option_set_no_http_messaging(option, 1);  // h2_head.hpp judges, and says what is wrong
    nghttp2_option_set_max_continuations(option, most_continuations);
    nghttp2_option_set_max_outbound_ack(option, most_acknowledgements);
    nghttp2_option_set_no_closed_streams(option, 1);
    for (unsigned type = NGHTTP2_CONTINUATION + 1; type <= 0xff; ++type)  // or none of them would be counted
        nghttp2_option_set_user_recv_extension_type(option, static_cast<std::uint8_t>(type));
    const auto plenty = std::uint64_t{1} << 30;  // resets are counted here, by what they cost
    nghttp2_option_set_stream_reset_rate_limit(option, plenty, plenty);
    const int failed = nghttp2_session_server_new3(&nghttp2_, H2Callbacks::table(), this, option, &memory);
    nghttp2_option_del(option);
    if (failed != 0) return false;
    const std::array<nghttp2_settings_entry, 4> settings{{
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, static_cast<std::uint32_t>(limits.http2_streams)},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, stream_window},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<std::uint32_t>(limits.head_bytes)},
        {NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1},
    }};
    return nghttp2_submit_settings(nghttp2_, NGHTTP2_FLAG_NONE, settings.data(), settings.size()) == 0 &&
           nghttp2_session_set_local_window_size(nghttp2_, NGHTTP2_FLAG_NONE, 0, connection_window) == 0;
}

// --- the reader

asio::awaitable<bool> H2Session::run(std::string early) {
    if (!begin()) co_return false;
    const Ending ending{*this};
    asio::co_spawn(io(), write(shared_from_this()),
                   [self = shared_from_this()](std::exception_ptr error) { self->writer_ended(error); });
    is_idle();
    std::size_t this_turn = 0;
    bool good = feed(early);
    while (good && !writer_ended_ && nghttp2_session_want_read(nghttp2_) != 0) {
        if (worker_.draining()) drain();
        if (this_turn > Worker::turn) {
            this_turn = 0;
            co_await worker_.others();
        }
        if (const auto read = stream_.try_read(worker_.scratch())) {
            if (read->error) co_return false;  // gone, and with it all who ask on it
            this_turn += read->octets;
            good = feed({worker_.scratch().data(), read->octets});
            continue;
        }
        this_turn = 0;
        const auto error = co_await stream_.readable(deadline());
        if (error == asio::error::timed_out && !worker_.stopped()) {
            if (is_late(Clock::now())) end(NGHTTP2_NO_ERROR), good = false;
        } else if (error) {
            break;
        }
    }
    idle_.reset();
    last_words_ = true;
    kick();
    parting_.expires_at(Clock::now() + last_words_time);
    if (!writer_ended_) co_await parting_.async_wait(asio::as_tuple(asio::use_awaitable));
    co_return true;
}

void H2Session::abandon() {
    const MustNotFail leaving;
    over_ = true;
    idle_.reset();
    kick();
    for (const auto& [id, stream] : streams_) stream->closed();
    std::erase_if(streams_, [](const auto& one) { return !one.second->is_served(); });
}

void H2Session::writer_ended(std::exception_ptr error) {
    if (error)
        log_of(LogOf::proxy)
            .about({{"client", arrival_.peer}})
            .error("the answers to {} ended by an exception (a fault of the gateway, please report it): {}",
                   arrival_.peer, what_of(error));
    writer_ended_ = true;
    parting_.cancel();
    stream_.end_reading_at(Clock::now());  // whatever comes: nobody would answer
}

bool H2Session::feed(std::string_view octets) {
    const auto* data = reinterpret_cast<const std::uint8_t*>(octets.data());
    const auto taken = nghttp2_session_mem_recv(nghttp2_, data, octets.size());
    if (taken < 0) {
        log_of(LogOf::proxy)
            .about({{"client", arrival_.peer}})
            .debug("a connection of HTTP/2 from {} ends: {}", arrival_.peer,
                   nghttp2_strerror(static_cast<int>(taken)));
        const bool flood = taken == NGHTTP2_ERR_FLOODED || taken == NGHTTP2_ERR_TOO_MANY_SETTINGS ||
                           taken == NGHTTP2_ERR_TOO_MANY_CONTINUATIONS;
        end(flood ? NGHTTP2_ENHANCE_YOUR_CALM : NGHTTP2_PROTOCOL_ERROR);
    } else if (too_much_) {
        end(NGHTTP2_ENHANCE_YOUR_CALM);
    }
    settle();
    if (nghttp2_session_want_write(nghttp2_) != 0) kick();
    return taken >= 0 && !too_much_;
}

// What nghttp2 has said, now that it is not on the stack any more.
void H2Session::settle() {
    if (const auto octets = std::exchange(received_, 0); octets > 0) {
        nghttp2_session_consume_connection(nghttp2_, octets);
        kick();
    }
    for (auto& stream : std::exchange(whole_heads_, {})) start(std::move(stream));
    for (const auto& stream : std::exchange(closed_, {})) {
        stream->closed();
        if (!stream->is_served()) streams_.erase(stream->id());
    }
    if (streams_.empty() && !idle_ && !over_) is_idle();
}

void H2Session::is_idle() {
    idle_since_ = Clock::now();
    worker_.idle_line().join(idle_.emplace(stream_));
    stream_.end_reading_at(deadline());
}

TimePoint H2Session::deadline() const {
    const auto& timeouts = worker_.routing()->timeouts;
    if (head_began_) return *head_began_ + timeouts.head;
    if (!streams_.empty()) return TimePoint::max();
    return idle_since_ + (any_request_ ? timeouts.keep_alive : timeouts.head);
}

bool H2Session::is_late(TimePoint now) {
    const bool late = now >= deadline();
    if (late && (head_began_ || !any_request_)) count(worker_.shared().bounds.slow_heads);
    return late;
}

void H2Session::drain() {
    if (std::exchange(draining_, true)) return;
    nghttp2_submit_goaway(nghttp2_, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(nghttp2_),
                          NGHTTP2_NO_ERROR, nullptr, 0);
    kick();
}

void H2Session::end(std::uint32_t why) {
    if (why == NGHTTP2_ENHANCE_YOUR_CALM) count(worker_.shared().bounds.http2_floods);
    nghttp2_session_terminate_session(nghttp2_, why);
    kick();
}

H2Stream* H2Session::find(std::int32_t id) {
    const auto found = streams_.find(id);
    return found == streams_.end() ? nullptr : found->second.get();
}

bool H2Session::is_open(std::int32_t id) {
    const auto* stream = find(id);
    return stream != nullptr && !stream->is_closed();
}

// --- requests

void H2Session::start(std::shared_ptr<H2Stream> stream) {
    any_request_ = true;
    stream->set_served(true);
    auto self = shared_from_this();
    asio::co_spawn(io(), serve(self, stream), [self, stream](std::exception_ptr error) {
        if (error) {
            count(self->worker_.shared().bounds.failures);
            log_of(LogOf::proxy)
                .about({{"client", self->arrival_.peer}})
                .error("a request of {} ended by an exception (a fault of the gateway, please report it): {}",
                       self->arrival_.peer, what_of(error));
            self->reset(stream->id(), NGHTTP2_INTERNAL_ERROR);
        }
        stream->set_served(false);
        if (stream->is_closed()) self->streams_.erase(stream->id());
        if (self->streams_.empty() && !self->idle_ && !self->over_) self->is_idle();
        if (!self->worker_.keeps_alive()) self->drain();
    });
}

asio::awaitable<void> H2Session::serve(std::shared_ptr<H2Session> self, std::shared_ptr<H2Stream> stream) {
    auto parsed = stream->take_head();
    if (const auto* error = std::get_if<HeadError>(&parsed)) {
        co_await self->turn_away(*stream, *error);
    } else {
        auto& head = std::get<RequestHead>(parsed);
        Visit visit(self->worker_, self->arrival_, *stream, head);
        co_await visit.answer(std::move(head));
        stream->stop_watching();
        visit.log();
    }
    if (stream->ends_by_itself()) co_await stream->finished();
    stream->finish();
}

// Malformed: a stream error, but one that is explained first (RFC 9113 section 8.1.1).
asio::awaitable<void> H2Session::turn_away(H2Stream& stream, HeadError error) {
    const auto began = Clock::now();
    RequestRecord record;
    record.client = arrival_.peer;
    record.protocol = "HTTP/2";
    record.status = error.status;
    record.refusal = Refusal::bad_request;
    const auto detail = fmt::format("The request was refused: {}.", error.reason);
    RefusalContext context;
    context.status = error.status;
    context.detail = detail;
    if (arrival_.door) context.extra_fields = arrival_.door->fields;
    const auto text = refusal_response(Refusal::bad_request, context);
    co_await stream.write_text(text, worker_.routing()->timeouts.write);
    record.total = Clock::now() - began;
    worker_.shared().access_log.write(record);
    if (!resets_.take(Clock::now())) end(NGHTTP2_ENHANCE_YOUR_CALM);
}

// --- the writer

asio::awaitable<void> H2Session::write(std::shared_ptr<H2Session> self) {
    std::string out;
    std::size_t this_turn = 0;
    for (bool more = true; more && !self->over_;) {
        self->kicked_ = false;
        self->collect();
        self->settle();
        if (!self->out_.empty()) {
            out.swap(self->out_);
            self->writing_ = true;
            const auto patience = self->worker_.routing()->timeouts.write;
            const auto rest = self->write_at_once(out);
            error_code error;
            if (!rest.empty()) error = co_await self->stream_.write({rest}, patience);
            self->writing_ = false;
            if (error) co_return;
            this_turn += out.size();
            out.clear();
            out.swap(self->out_);  // as large as it has become
            if (this_turn < Worker::turn) continue;
            this_turn = 0;
            co_await self->worker_.others();
            continue;
        }
        more = nghttp2_session_want_read(self->nghttp2_) != 0 && !self->last_words_;
        if (!more || self->kicked_) continue;
        this_turn = 0;
        give_room(self->out_);
        co_await self->work_.async_wait(asio::as_tuple(asio::use_awaitable));
    }
}

// What is left of it: nothing, mostly, and then nobody need wait.
std::string_view H2Session::write_at_once(std::string_view octets) {
    while (!octets.empty()) {
        const auto written = stream_.try_write(octets);
        if (!written || written->error) break;  // an error is met again
        octets.remove_prefix(written->octets);
    }
    return octets;
}

// Takes what nghttp2 has to say, unless what it said before is not written yet.
void H2Session::collect() {
    if (!writing_ && out_.empty()) take_room(out_);
    while (!writing_ && out_.size() < write_limit) {
        const std::uint8_t* data = nullptr;
        const auto octets = nghttp2_session_mem_send(nghttp2_, &data);
        if (octets < 0) over_ = true;
        if (octets <= 0) break;
        collect_frame({reinterpret_cast<const char*>(data), static_cast<std::size_t>(octets)});
    }
}

void H2Session::collect_frame(std::string_view frame) {
    if (frame.size() < frame_head_size || frame[3] != NGHTTP2_HEADERS) {
        out_ += frame;
        return;
    }
    std::int32_t id = 0;
    for (const char octet : frame.substr(5, 4)) id = id << 8 | static_cast<unsigned char>(octet);
    auto* stream = find(id);
    append_head_frames(out_, frame, stream != nullptr ? stream->take_block() : std::string{});
}

// At once if there is no other stream, whose words could go along; else the writer's next turn takes all of
// them together.
void H2Session::say() {
    collect();
    if (streams_.size() == 1 && !writing_ && !out_.empty()) {
        out_.erase(0, out_.size() - write_at_once(out_).size());
        if (out_.empty()) give_room(out_);
        settle();
    }
    const bool more = !out_.empty() || nghttp2_session_want_write(nghttp2_) != 0;
    const bool is_last = over_ || nghttp2_session_want_read(nghttp2_) == 0;  // the writer ends the connection
    if (more || is_last) kick();
}

void H2Session::kick() {
    kicked_ = true;
    work_.notify();
}

void H2Session::submit(H2Stream& stream, H2Fields fields, bool with_content) {
    const auto status = status_of(fields);
    stream.add_block(std::move(fields.block()));
    nghttp2_data_provider content{};
    content.source.ptr = &stream;
    content.read_callback = H2Callbacks::read_content;
    nghttp2_submit_response(nghttp2_, stream.id(), &status, 1, with_content ? &content : nullptr);
    say();
}

void H2Session::submit_interim(H2Stream& stream, H2Fields fields) {
    const auto status = status_of(fields);
    stream.add_block(std::move(fields.block()));
    nghttp2_submit_headers(nghttp2_, NGHTTP2_FLAG_NONE, stream.id(), nullptr, &status, 1, nullptr);
    kick();
}

void H2Session::resume(std::int32_t id) {
    nghttp2_session_resume_data(nghttp2_, id);
    say();
}

void H2Session::consumed(std::int32_t id, std::size_t octets) {
    nghttp2_session_consume_stream(nghttp2_, id, octets);
    kick();
}

void H2Session::reset(std::int32_t id, std::uint32_t why) {
    nghttp2_submit_rst_stream(nghttp2_, NGHTTP2_FLAG_NONE, id, why);
    kick();
}

}  // namespace proxy
