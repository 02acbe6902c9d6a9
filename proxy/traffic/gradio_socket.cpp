#include "proxy/traffic/gradio_socket.hpp"

#include <fmt/format.h>
#include <boost/asio.hpp>

#include "proxy/awaited.hpp"
#include "proxy/traffic/gradio_conversation.hpp"
#include "proxy/traffic/gradio_messages.hpp"
#include "proxy/traffic/gradio_pod.hpp"
#include "proxy/traffic/linger.hpp"
#include "proxy/traffic/text.hpp"

namespace proxy {
namespace {

using boost::system::error_code;
using websocket::close_code;

constexpr std::size_t small_message = 64 << 10;  // all that a client says but its data
constexpr std::chrono::seconds ping_every{15};
constexpr std::chrono::seconds look_at_place_every{1};  // at its place in the queue
constexpr std::chrono::seconds unconfirmed_limit{60};   // the client's network is gone then

// The client's half of one event: reads what it wants, then writes what comes.
class ClientHalf {
public:
    explicit ClientHalf(std::shared_ptr<GradioConversation> conversation)
        : shared_(std::move(conversation)), c_(*shared_), ws_(*c_.web_socket) {}

    asio::awaitable<void> run() {
        if (co_await accept()) {
            const auto wrong = co_await ask();
            if (wrong.code != close_code::none)
                co_await close(wrong);
            else if (!c_.client_left)
                co_await converse();
        }
        co_await end();
    }

private:
    asio::awaitable<bool> accept() {
        c_.transport.give_up_after(unconfirmed_limit);
        const std::string id = c_.asked.request_id;
        ws_.set_option(websocket::stream_base::decorator([id](websocket::response_type& response) {
            response.erase(beast::http::field::server);
            response.set("X-Request-Id", id);
        }));
        ws_.read_message_max(small_message);
        ws_.auto_fragment(false);
        c_.transport.set_deadline(Clock::now() + c_.asked.routing->timeouts.head);
        auto [error] = co_await ws_.async_accept(awaited);
        c_.result.upgraded = !error;
        if (error) c_.leave();
        co_return !error;
    }

    // The two questions. Why the conversation must end, or no code; the client may have left.
    asio::awaitable<websocket::close_reason> ask() {
        using Reason = websocket::close_reason;
        const auto& routing = *c_.asked.routing;
        GradioReader hash;
        const auto keep = [this](std::string_view piece) {
            c_.hash_message += piece;
            return true;
        };
        auto wrong = co_await question("send_hash", hash, routing.timeouts.head, keep);
        if (wrong.code != close_code::none || c_.client_left) co_return wrong;
        if (hash.session_hash().empty()) co_return Reason(close_code::policy_error, "no session_hash");
        c_.session_hash = hash.session_hash();

        ws_.read_message_max(static_cast<std::size_t>(routing.limits.body_bytes));
        GradioReader data;
        const auto spool = [this](std::string_view piece) { return c_.frame.append(piece); };
        wrong = co_await question("send_data", data, routing.timeouts.body, spool);
        if (wrong.code != close_code::none || c_.client_left) co_return wrong;
        c_.result.task = is_gradio_gpu_task(data.first_data(), data.data_size());
        c_.asked.caller.ids.insert(c_.asked.caller.ids.begin(), "session:" + c_.session_hash);
        c_.names.push_back("request:" + c_.asked.request_id);
        c_.names.push_back(fmt::format("task:{}", data.first_data()));  // as POST /internal/progress asks
        c_.result.bytes_in = c_.frame.size();
        ws_.read_message_max(small_message);
        co_return Reason(close_code::none);
    }

    template <class Keep>
    asio::awaitable<websocket::close_reason> question(std::string_view msg, GradioReader& reader,
                                                      Duration patience, const Keep& keep) {
        using Reason = websocket::close_reason;
        const std::string text = gradio_request_message(msg);
        if (!co_await write(text, true, true)) co_return Reason(close_code::none);
        std::string buffer(gradio_piece, '\0');
        for (;;) {
            c_.transport.set_deadline(Clock::now() + patience);
            auto [error, octets] = co_await ws_.async_read_some(asio::buffer(buffer), awaited);
            c_.transport.set_deadline(TimePoint::max());
            if (error) {  // a violation of the protocol was answered with its code by Beast itself
                c_.leave();
                if (error == asio::error::operation_aborted) c_.result.refusal = Refusal::request_timeout;
                if (error == websocket::condition::protocol_violation)
                    c_.result.refusal = Refusal::bad_request;
                if (error == websocket::error::message_too_big) c_.result.refusal = Refusal::body_too_large;
                co_return Reason(close_code::none);
            }
            if (!ws_.got_text()) co_return refuse(close_code::unknown_data, "text, not binary");
            const auto piece = std::string_view(buffer).substr(0, octets);
            const bool whole = ws_.is_message_done();
            if (!keep(piece)) {
                c_.result.refusal = Refusal::disk_full;
                co_return Reason(close_code::try_again_later, "no room in the gateway's spool directory");
            }
            if (!reader.feed(piece) || (whole && !reader.finish()))
                co_return refuse(close_code::bad_payload, "not a JSON object");
            if (whole) co_return Reason(close_code::none);
        }
    }

    static bool is_violation(error_code error) { return error == websocket::condition::protocol_violation; }

    websocket::close_reason refuse(close_code code, std::string_view why) {
        c_.result.refusal = Refusal::bad_request;
        return websocket::close_reason(code, why);
    }

    asio::awaitable<void> converse() {
        if (const auto& now = c_.worker.routing(); now != c_.asked.routing)  // a reload during the upload
            if (const auto found = now->routes.find(c_.asked.host)) c_.asked.service = now->services[*found];
        start_reading();
        start_gradio_event(shared_, c_.result.task);
        next_ping_ = Clock::now() + ping_every;
        while (!c_.client_left) {
            if (!c_.messages.empty() && (c_.messages.front().whole || unsent() > 0)) {
                if (!co_await write_piece()) break;
                continue;
            }
            if (c_.ending) break;
            tell_place();
            if (!c_.messages.empty() && c_.messages.front().whole) continue;
            if (Clock::now() >= next_ping_) {
                co_await ping();
                continue;  // what was notified meanwhile is seen only by another look
            }
            c_.changed.expires_at(c_.waiting ? std::min(next_ping_, next_look_) : next_ping_);
            co_await c_.changed.async_wait(awaited);
        }
        if (c_.ending && !c_.client_left) co_await close(*c_.ending);
    }

    // --- to the client

    std::uint64_t unsent() const { return c_.messages.front().size - sent_of_front_; }

    asio::awaitable<bool> write_piece() {
        auto& front = c_.messages.front();
        const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(unsent(), gradio_piece));
        const auto piece = c_.out.read(sent_).substr(0, size);
        if (piece.empty() && size > 0) {
            c_.output = true;
            c_.fail(Refusal::disk_full, "The gateway's spool directory failed.");
            c_.messages.clear();  // what is left of them is lost
            co_return true;
        }
        const bool last = front.whole && piece.size() == unsent();
        const bool text = front.text;
        sent_ += piece.size();
        sent_of_front_ += piece.size();
        if (last) {
            c_.messages.pop_front();
            sent_of_front_ = 0;
        }
        if (!co_await write(piece, text, last)) co_return false;
        c_.out.release(sent_);
        c_.result.bytes_out = sent_;
        co_return true;
    }

    asio::awaitable<bool> write(std::string_view piece, bool text, bool last) {
        ws_.text(text);
        c_.transport.set_deadline(Clock::now() + c_.asked.routing->timeouts.write);
        auto [error, octets] =
            co_await ws_.async_write_some(last, asio::buffer(piece.data(), piece.size()), awaited);
        c_.transport.set_deadline(TimePoint::max());
        if (error) c_.leave();
        co_return !error;
    }

    asio::awaitable<void> ping() {
        next_ping_ = Clock::now() + ping_every;
        c_.transport.set_deadline(Clock::now() + c_.asked.routing->timeouts.write);
        auto [error] = co_await ws_.async_ping(websocket::ping_data(), awaited);
        c_.transport.set_deadline(TimePoint::max());
        if (error) c_.leave();
    }

    void tell_place() {
        const auto now = Clock::now();
        if (!c_.waiting || now < next_look_) return;
        next_look_ = now + look_at_place_every;
        const auto place = c_.asked.service->gate->place(c_.names.front(), now);
        if (!place || place->state != router::Place::State::waiting) return;
        std::optional<double> eta;
        if (place->expected_wait) eta = std::chrono::duration<double>(*place->expected_wait).count();
        const auto rank = place->ahead, queue = place->service.waiting;
        if (std::exchange(told_, std::pair(rank, queue)) == std::pair(rank, queue)) return;
        c_.say(gradio_estimation(rank, queue, eta));
    }

    asio::awaitable<void> close(websocket::close_reason reason) {
        c_.transport.set_deadline(Clock::now() + gradio_closing_time);
        co_await ws_.async_close(reason, awaited);  // well or not
        c_.transport.set_deadline(TimePoint::max());
    }

    // --- from the client: nothing is expected any more but its departure

    void start_reading() {
        c_.reading = true;
        asio::co_spawn(c_.worker.io(), read_on(shared_), [shared = shared_](std::exception_ptr) {
            shared->reading = false;
            shared->leave();
            shared->notify();  // who had left already is waited for all the same
        });
    }

    static asio::awaitable<void> read_on(std::shared_ptr<GradioConversation> shared) {
        std::array<char, 512> ignored;
        for (error_code error; !error;) {
            auto [failed, octets] =
                co_await shared->web_socket->async_read_some(asio::buffer(ignored), awaited);
            error = failed;
        }
    }

    // The socket is ours no longer than this.
    asio::awaitable<void> end() {
        if (c_.reading)
            c_.transport.close();
        else
            co_await linger();
        while (c_.reading) {
            c_.changed.expires_at(TimePoint::max());
            co_await c_.changed.async_wait(awaited);
        }
        c_.transport.close();
        c_.leave();
        c_.web_socket.reset();
    }

    // Reads on a while after our last word, or a RST may take it from the client (RFC 6455 section 7.1.1).
    asio::awaitable<void> linger() {
        c_.transport.end_writing();
        const auto deadline = Clock::now() + linger_time;
        std::size_t discarded = 0;
        while (discarded < linger_limit && Clock::now() < deadline) {
            if (const auto read = c_.transport.try_read(c_.worker.scratch())) {
                if (read->error) break;
                discarded += read->octets;
                continue;
            }
            if (co_await c_.transport.readable(deadline)) break;
        }
    }

    std::shared_ptr<GradioConversation> shared_;
    GradioConversation& c_;
    WebSocket& ws_;
    std::uint64_t sent_ = 0, sent_of_front_ = 0;
    TimePoint next_ping_{}, next_look_{};
    std::optional<std::pair<std::size_t, std::size_t>> told_;  // its rank and the queue's length
};

// What a handshake must say, for Beast, which reads it as the first octets of its stream.
std::string handshake_head(const std::string& key) {
    return fmt::format(
        "GET /queue/join HTTP/1.1\r\nHost: gateway\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: {}\r\nSec-WebSocket-Version: 13\r\n\r\n",
        key);
}

}  // namespace

asio::awaitable<GradioResult> serve_gradio_socket(Worker& worker, Duplex& client, std::string early,
                                                  GradioSocket asked) {
    std::string octets = handshake_head(asked.key);
    octets += early;
    auto conversation =
        std::make_shared<GradioConversation>(worker, client, std::move(octets), std::move(asked));
    ClientHalf half(conversation);
    co_await half.run();
    co_return conversation->result;
}

}  // namespace proxy
