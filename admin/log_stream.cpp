// A pod's log on its way to a client: a part of Connection.
#include <boost/asio.hpp>

#include "admin/connection.hpp"
#include "admin/log_request.hpp"
#include "proxy/awaited.hpp"

namespace admin {
namespace {

using proxy::awaited;

}  // namespace

// So many at once, or whoever asks for something else would find no connection left.
asio::awaitable<bool> Connection::tell_log(LogWish wish, unsigned version) {
    if (core_->logs >= core_->settings.logs) {
        auto full = refuse(503, "ServiceUnavailable", "too many logs are being read");
        co_return co_await write(std::move(full), version, false, false);
    }
    if (!co_await write_head_of_stream(version, "text/plain; charset=utf-8")) co_return false;
    asio::co_spawn(stream_.get_executor(), look_out(shared_from_this()), asio::detached);
    ++core_->logs;
    co_await write_log(wish, version >= 11);
    --core_->logs;
    co_return false;
}

// One piece at a time: whoever reads slowly holds one piece and open files, whoever does not read at all is
// let go. A log that is followed ends with its pod.
asio::awaitable<void> Connection::write_log(const LogWish& wish, bool chunked) {
    PodLog log(wish);
    while (!gone_ && !log.limited()) {
        const bool last_look = core_->stopping || !pod_is_there(core_->store, wish);
        auto piece = log.take();
        if (!piece.empty()) {
            if (!co_await write_piece(std::move(piece), chunked)) co_return;
        } else if (!wish.follow || last_look) {
            break;
        } else {
            changed_.expires_after(core_->settings.log_poll);
            co_await changed_.async_wait(awaited);
        }
    }
    std::string last;
    if (!gone_ && chunked) co_await write_piece(std::move(last), true);
}

}  // namespace admin
